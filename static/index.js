// The form: drop, paste and a preview. It works without this script too.

import { factsOf, objectionTo, objectionToPixels } from './file_facts.js';
import { fill, sizeInWords } from './wording.js';

const form = document.getElementById('upload');
const part = id => document.getElementById(id);
const [input, film, drawing, legend] = ['file', 'film', 'drawing', 'legend'].map(part);
const examples = [...form.querySelectorAll('[name=example]')];
const words = JSON.parse(form.dataset.words);
const limits = { bytes: +form.dataset.largest, pixels: +form.dataset.mostPixels, side: +form.dataset.leastSide };

// ── Messages and preview ──

function object(sentence = '', ...nodes) {
  part('objection').replaceChildren(sentence, ...nodes);
  // What the server objected to was another picture.
  input.removeAttribute('aria-invalid');
  if (sentence) input.setAttribute('aria-invalid', 'true');
}

function objectToMany() {
  const link = document.querySelector('#many a')?.cloneNode(true);
  object(words.several, ...(link ? [' ', link] : []));
}

/** Show the name of a file and its facts; the name in an element of its own, as it may be written right to left. */
function tell(name = '', facts = '') {
  const title = document.createElement('bdi');
  title.textContent = name;
  part('facts').replaceChildren(...(name ? [title, facts] : []));
}

/** Show an image on the light box, or the drawing where there is none. */
function hang(address = '') {
  if (film.src.startsWith('blob:')) URL.revokeObjectURL(film.src);
  film.hidden = !address;
  if (address) film.src = address;
  else film.removeAttribute('src');
}

function settle(chosen) {
  form.classList.toggle('chosen', chosen);
  part('remove').hidden = !chosen;
  drawing.hidden = legend.hidden = chosen;
}

// ── Preview ──

let look = new AbortController();

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
  await film.decode().catch(() => signal.aborted || (hang(), object(words.damaged)));
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
  const reason = inWords && await answer.text().catch(() => '') || words.no_preview;
  if (!signal.aborted) object(reason);
  return null;
}

function turn() {
  for (const { value } of part('turn').options) form.classList.toggle(`turn-${value}`, value === part('turn').value);
}

// ── File input, drop, paste, examples ──

function refresh() {
  look.abort();
  look = new AbortController();
  object();
  hang();
  tell();
  const [file] = input.files;
  if (file) examples.forEach(each => { each.checked = false; });
  const example = examples.find(each => each.checked);
  settle(Boolean(file ?? example));
  if (file) return lookAtFile(file);
  if (example) {
    const { src } = example.parentElement.querySelector('img');
    tell(example.parentElement.textContent.trim());
    hang(src);
    part('light').scrollIntoView({ block: 'nearest' }); // on a narrow screen it hangs above
  }
}

function take(data) {
  const isFolder = [...data.items].some(item => item.webkitGetAsEntry?.()?.isDirectory);
  if (data.files.length > 1 || isFolder) return objectToMany();
  const box = new DataTransfer();
  box.items.add(data.files[0]);
  input.files = box.files;
  refresh();
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
input.addEventListener('change', refresh);
part('turn').addEventListener('change', turn);
for (const each of examples) each.addEventListener('change', () => { input.value = ''; refresh(); });
part('remove').addEventListener('click', () => {
  input.value = '';
  examples.forEach(each => { each.checked = false; });
  refresh();
  input.focus();
});

// ── Sending ──

const button = form.querySelector('[type=submit]');
const asked = button.textContent;

function work(busy) {
  form.classList.toggle('busy', busy);
  button.setAttribute('aria-disabled', String(busy));
  button.textContent = busy ? words.reading : asked;
  part('progress').textContent = busy ? words.reading : '';
}

form.addEventListener('submit', event => {
  if (form.classList.contains('busy')) return event.preventDefault();
  if (!input.files.length && !examples.some(each => each.checked)) {
    event.preventDefault();
    object(words.nothing);
    return input.focus();
  }
  work(true);
});
// Restore the page when the visitor comes back with the browser's button.
addEventListener('pageshow', event => event.persisted && work(false));

for (const each of form.querySelectorAll('[data-script]')) each.hidden = false;
turn();
if (input.files.length || examples.some(each => each.checked)) refresh();
