// The form: drop, paste, a preview, and sending without leaving the page, so that a refused file stays chosen. It works
// without this script too.

import { factsOf, objectionTo, objectionToPixels } from './file_facts.js';
import { fill, sizeInWords } from './wording.js';

const form = document.getElementById('upload');
const part = id => document.getElementById(id);
const [input, film, turning, button] = ['file', 'film', 'turn', 'send'].map(part);
const words = JSON.parse(form.dataset.words);
const limits = { bytes: +form.dataset.largest, pixels: +form.dataset.mostPixels, side: +form.dataset.leastSide };

// ── Messages ──

/** Say what is wrong with the chosen file; what is known to be refused cannot be sent. */
function object(sentence = '', { final = true, nodes = [] } = {}) {
  part('objection').replaceChildren(sentence, ...nodes);
  // What the server objected to was another picture.
  part('refusal').replaceChildren();
  input.removeAttribute('aria-invalid');
  if (sentence) input.setAttribute('aria-invalid', 'true');
  form.classList.toggle('hopeless', Boolean(sentence) && final);
  label();
}

function objectToMany() {
  const link = document.querySelector('#many a')?.cloneNode(true);
  object(words.several, { nodes: link ? [' ', link] : [] });
}

/** Show the name of a file and its facts; the name in an element of its own, as it may be written right to left. */
function tell(name = '', facts = '') {
  const title = document.createElement('bdi');
  title.textContent = name;
  part('facts').replaceChildren(...(name ? [title, facts] : []));
}

// ── Preview ──

let look = new AbortController();

/** Show an image on the light box, or nothing. */
function hang(address = '') {
  if (film.src.startsWith('blob:')) URL.revokeObjectURL(film.src);
  film.hidden = !address;
  if (address) film.src = address;
  else film.removeAttribute('src');
}

async function lookAtFile(file) {
  const { signal } = look;
  const facts = await factsOf(file).catch(() => null); // a folder that was dropped cannot be read
  if (signal.aborted) return;
  if (!facts) return objectToMany();
  const known = { type: facts.type || words.unknown, size: sizeInWords(file.size), ...facts.width && facts };
  const say = () => tell(file.name, fill(known.width ? words.facts : words.brief, known));
  say();
  if (facts.type === 'ZIP') return objectToMany();
  const objection = objectionTo(file, facts, limits, words);
  object(objection);
  if (objection) return;
  if (facts.deep) tell(file.name, words.looking);
  const shown = facts.deep ? await developed(file, known, signal) : file;
  if (signal.aborted) return;
  if (shown) await show(shown, known, facts.deep, signal);
  if (!signal.aborted) say();
}

async function show(picture, known, sized, signal) {
  hang(URL.createObjectURL(picture));
  await film.decode().catch(() => signal.aborted || (hang(), object(words.damaged, { final: false })));
  if (signal.aborted || film.hidden) return;
  if (!sized) Object.assign(known, { width: film.naturalWidth, height: film.naturalHeight });
  object(objectionToPixels(known, limits, words));
}

/** Fetch a preview of a format that browsers cannot show: a small JPEG, or the reason why there is none. */
async function developed(file, known, signal) {
  const body = new FormData();
  body.append('csrf_token', form.elements.csrf_token.value);
  body.append('file', file);
  const answer = await fetch(form.dataset.preview, { method: 'POST', body, signal }).catch(() => null);
  if (signal.aborted) return null;
  if (answer?.ok) {
    for (const side of ['Width', 'Height']) known[side.toLowerCase()] = +answer.headers.get(`X-Picture-${side}`);
    return answer.blob().catch(() => null);
  }
  const inWords = answer?.headers.get('Content-Type')?.startsWith('text/plain');
  const reason = inWords && await answer.text().catch(() => '');
  if (!signal.aborted) object(reason || words.no_preview, { final: Boolean(reason) });
  return null;
}

function turn(degrees) {
  turning.value = (degrees + 360) % 360;
  for (const { value } of turning.options) form.classList.toggle(`turn-${value}`, value === turning.value);
}

// ── File input, drop, paste ──

function refresh() {
  look.abort();
  look = new AbortController();
  object();
  hang();
  tell();
  const [file] = input.files;
  form.classList.toggle('chosen', Boolean(file));
  part('light').hidden = !file;
  if (file) return lookAtFile(file);
}

function choose(files) {
  // A link to the form may ask for a turn of the first film that is chosen.
  turn(form.classList.contains('chosen') ? 0 : +turning.value);
  part('part').value = '';
  input.files = files;
  refresh();
}

function take(data) {
  const isFolder = [...data.items].some(item => item.webkitGetAsEntry?.()?.isDirectory);
  if (data.files.length > 1 || isFolder) return objectToMany();
  const box = new DataTransfer();
  box.items.add(data.files[0]);
  choose(box.files);
}

const holdsFiles = event => event.dataTransfer?.types.includes('Files');
const away = () => form.classList.remove('drop');

document.addEventListener('dragover', event => {
  if (!holdsFiles(event)) return;
  // Also beside the form: a browser would leave the page for the picture.
  event.preventDefault();
  event.dataTransfer.dropEffect = 'copy';
  form.classList.add('drop');
});
document.addEventListener('dragleave', event => event.relatedTarget || away());
document.addEventListener('drop', event => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  away();
  if (event.dataTransfer.files.length) take(event.dataTransfer);
});
document.addEventListener('paste', event => {
  if (!event.clipboardData?.files.length) return;
  event.preventDefault();
  take(event.clipboardData);
});
input.addEventListener('change', () => choose(input.files));
for (const each of form.querySelectorAll('[data-by]')) {
  each.addEventListener('click', () => turn(+turning.value + +each.dataset.by));
}
part('straighten-it').addEventListener('change', ({ target }) => { part('straighten').checked = target.checked; });
part('remove').addEventListener('click', () => {
  choose(new DataTransfer().files);
  input.focus();
});

// ── Sending ──

const asked = button.textContent;

function label() {
  const busy = form.classList.contains('busy');
  button.setAttribute('aria-disabled', String(busy || form.classList.contains('hopeless')));
  button.textContent = busy ? words.reading : asked;
  part('progress').textContent = busy ? words.reading : '';
}

function work(busy) {
  form.classList.toggle('busy', busy);
  label();
}

/** Send the form: to the result, or back to the chosen file with what the server says of it. */
async function send(body) {
  work(true);
  // The page of the result comes from its own address, below.
  const headers = { Prefer: 'return=minimal' };
  const answer = await fetch(form.action, { method: 'POST', body, headers }).catch(() => null);
  const result = answer?.ok && answer.headers.get('Content-Location');
  if (result) return location.assign(result); // still busy, until the result is there
  if (answer?.redirected) return location.assign(answer.url); // the password is asked again
  const text = await answer?.text().catch(() => '') ?? '';
  work(false);
  refuse(new DOMParser().parseFromString(text, 'text/html'));
}

function refuse(page) {
  const problem = page.getElementById('problem');
  const token = page.querySelector('#upload [name=csrf_token]');
  if (token) form.elements.csrf_token.value = token.value; // a page that had expired can be sent again
  // A page of another kind, such as that of an error, says it in its first words.
  if (!problem) return object(page.querySelector('main .lead')?.textContent || words.no_answer, { final: false });
  problem.removeAttribute('autofocus'); // the button that sent the form has the focus
  const shown = document.importNode(problem, true);
  part('refusal').replaceChildren(shown);
  for (const offered of shown.querySelectorAll('[data-field]')) {
    offered.hidden = false;
    offered.addEventListener('click', () => {
      part(offered.dataset.field).value = offered.value;
      turn(+turning.value);
      form.requestSubmit(button);
    });
  }
  shown.focus();
}

form.addEventListener('submit', event => {
  event.preventDefault();
  if (form.classList.contains('busy')) return;
  const example = event.submitter?.name === 'example' ? event.submitter : null;
  const body = new FormData(form);
  if (example) {
    body.delete('file');
    body.append('example', example.value);
  } else if (form.classList.contains('hopeless')) {
    return input.focus();
  } else if (!input.files.length) {
    object(words.nothing, { final: false });
    return input.focus();
  }
  send(body);
});
// Restore the page when the visitor comes back with the browser's button.
addEventListener('pageshow', event => event.persisted && work(false));

form.classList.add('scripted');
for (const each of form.querySelectorAll('[data-script]')) each.hidden = false;
if (input.files.length) refresh();
turn(+turning.value);
