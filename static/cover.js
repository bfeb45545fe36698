// Cover parts of the radiograph: a rectangle by dragging, a field by a tap or the keyboard. Each change is sent and answered.
// The form works without it.

import { fill } from './wording.js';

const form = document.getElementById('cover');
const answer = document.getElementById('covered');
const fields = [...form.querySelectorAll('[name=cell]')];
const grid = form.querySelector('.fields');
const words = JSON.parse(form.dataset.words);
const across = +form.dataset.grid;

// ── Sending ──

let waiting, request = new AbortController();

/** Send what is covered once it has not changed for a moment, and show the answer. */
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
form.addEventListener('reset', () => {
  for (const area of areas()) area.remove();
  setTimeout(send);
});
form.addEventListener('submit', event => { event.preventDefault(); send(); });

// ── Pointer: what it is dragged over becomes a rectangle; a tap on one takes it away ──

const TAP = 6; // pixels; a hand is not still
let start = null, area = null;

const areas = () => [...grid.querySelectorAll('.area')];

/** Where an event is, in shares of the picture's width and height. */
function place(event) {
  const { left, top, width, height } = grid.getBoundingClientRect();
  const within = share => Math.min(1, Math.max(0, share));
  return [within((event.clientX - left) / width), within((event.clientY - top) / height)];
}

function draw(event) {
  if (!start || event.pointerId !== start.pointerId) return;
  if (!area && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) < TAP) return;
  if (!area) {
    area = grid.appendChild(document.createElement('div'));
    area.className = 'area';
    area.append(Object.assign(document.createElement('input'), { type: 'hidden', name: 'area' }));
  }
  const [from, to] = [place(start), place(event)];
  const [left, right, top, bottom] = [0, 1].flatMap(axis => [from[axis], to[axis]].sort((a, b) => a - b));
  area.firstChild.value = [left, top, right, bottom].map(share => share.toFixed(4)).join();
  const sides = { left, top, width: right - left, height: bottom - top };
  for (const [side, share] of Object.entries(sides)) area.style[side] = `${100 * share}%`;
}

grid.addEventListener('pointerdown', event => {
  if (event.button || !event.isPrimary) return;
  [start, area] = [event, null];
});
addEventListener('pointermove', draw);
addEventListener('pointerup', event => {
  if (event.pointerId !== start?.pointerId) return;
  draw(event);
  start = null;
  if (area) send();
});
addEventListener('pointercancel', () => {
  area?.remove();
  [start, area] = [null, null];
});

grid.addEventListener('click', event => {
  if (!event.detail) return; // from the keyboard
  const [x, y] = place(event);
  const hit = areas().findLast(each => {
    const [left, top, right, bottom] = each.firstChild.value.split(',').map(Number);
    return left <= x && x <= right && top <= y && y <= bottom;
  });
  if (!area && !hit) return;
  event.preventDefault();
  if (!area) { hit.remove(); send(); }
  area = null;
});

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
for (const hint of form.parentElement.querySelectorAll('[data-script]')) hint.hidden = false;
