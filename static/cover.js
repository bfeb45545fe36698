// Paint over the radiograph with the pointer or the keyboard; each change is sent and answered. The form works without it.

import { fill } from './wording.js';

const form = document.getElementById('cover');
const answer = document.getElementById('covered');
const fields = [...form.querySelectorAll('[name=cell]')];
const grid = form.querySelector('.fields');
const words = JSON.parse(form.dataset.words);
const across = +form.dataset.grid;

// ── Sending ──

let waiting, request = new AbortController();

/** Send the fields once they have not changed for a moment, and show the answer. */
function send() {
  clearTimeout(waiting);
  request.abort();
  request = new AbortController();
  const { signal } = request;
  waiting = setTimeout(async () => {
    answer.textContent = words.reading;
    const said = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)), signal }).catch(() => null);
    if (signal.aborted) return;
    const page = said && new DOMParser().parseFromString(await said.text(), 'text/html');
    const found = said?.ok && page.getElementById('covered');
    if (signal.aborted) return;
    if (found) answer.replaceChildren(...found.childNodes);
    else answer.textContent = fill(words.failed, { status: said?.status ?? 0 });
  }, 300);
}

form.addEventListener('change', send);
form.addEventListener('reset', () => setTimeout(send));
form.addEventListener('submit', event => { event.preventDefault(); send(); });

// ── Pointer: what the first field becomes, all that the pointer crosses become ──

let paint = null;

function touch(event) {
  const field = document.elementFromPoint(event.clientX, event.clientY)?.closest?.('.fields input');
  if (field && field.checked !== paint) { field.checked = paint; send(); }
}

grid.addEventListener('pointerdown', event => {
  if (event.button || !event.target.matches('input')) return;
  paint = !event.target.checked;
  touch(event);
});
grid.addEventListener('pointermove', event => paint !== null && touch(event));
for (const end of ['pointerup', 'pointercancel']) addEventListener(end, () => { paint = null; });
// The pointer has set the field already; a click that comes from the keyboard (detail 0) sets it itself.
grid.addEventListener('click', event => event.detail && event.target.matches('input') && event.preventDefault());

// ── Keyboard: one stop for Tab, arrows from field to field ──

const keys = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across };

function stop(field) {
  for (const each of fields) each.tabIndex = each === field ? 0 : -1;
}

grid.addEventListener('keydown', event => {
  const to = fields[fields.indexOf(event.target) + keys[event.key]];
  if (!to) return;
  event.preventDefault();
  stop(to);
  to.focus();
});
stop(fields[0]);
if (fields.some(each => each.checked)) send(); // as the browser restored them
