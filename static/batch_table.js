// The table of a batch: sorts and filters rows, also while they arrive. web/batch/table.py does the same for browsers
// without JavaScript.

const section = document.getElementById('results');
if (section) arrange(section);

/** Let a table be sorted and filtered; returns the function that inserts rows. */
export function arrange(section) {
  const part = id => section.querySelector(`#${id}`);
  const [body, filters, find] = [part('rows'), part('filters'), part('find')];
  const heads = [...section.querySelectorAll('th[data-key]')];
  const choices = [...filters.querySelectorAll('button')];
  let by = '', down = false, kind = '', came = 0;

  const keyOf = row => (by ? JSON.parse(row.dataset.keys)[by] ?? null : null);

  /** The order of two rows: what has no key stands last, and equals stay as they came. */
  function order(a, b) {
    const [x, y] = [keyOf(a), keyOf(b)];
    if (x !== y) {
      if (x === null) return 1;
      if (y === null) return -1;
      const smaller = typeof x === 'string' ? x.localeCompare(y, document.documentElement.lang, { numeric: true }) : x - y;
      if (smaller) return down ? -smaller : smaller;
    }
    return a.dataset.place - b.dataset.place;
  }

  const passes = row => (!kind || row.dataset.kinds.split(' ').includes(kind))
    && row.dataset.file.toLowerCase().includes(find.value.trim().toLowerCase());

  function refresh() {
    const rows = [...body.rows];
    for (const row of rows) row.hidden = !passes(row);
    part('none').hidden = !rows.length || rows.some(row => !row.hidden);
    for (const choice of choices) {
      const all = rows.filter(row => !choice.value || row.dataset.kinds.split(' ').includes(choice.value));
      choice.querySelector('.number').textContent = all.length;
      choice.setAttribute('aria-pressed', String(choice.value === kind));
    }
  }

  function sort() {
    body.append(...[...body.rows].sort(order));
    for (const head of heads) {
      if (head.dataset.key === by) head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    }
  }

  for (const head of heads) {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      // Scores first with the largest, words with the first.
      down = by === head.dataset.key ? !down : !['file', 'finding'].includes(head.dataset.key);
      by = head.dataset.key;
      sort();
    });
  }
  for (const choice of choices) choice.addEventListener('click', () => { kind = choice.value; refresh(); });
  find.addEventListener('input', refresh);
  filters.addEventListener('submit', event => event.preventDefault());
  filters.hidden = false;
  for (const row of body.rows) row.dataset.place = came++;
  refresh();

  /** Put a row where it belongs, in place of the one that stands for the same file. */
  function put(row, place) {
    row.dataset.place = place;
    body.querySelector(`[data-place="${place}"]`)?.remove();
    body.insertBefore(row, [...body.rows].find(other => order(row, other) < 0) ?? null);
    refresh();
  }

  return { put };
}
