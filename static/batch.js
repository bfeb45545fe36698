// A batch, sent one file per request, so that no request lasts long. Without this script all files are sent in one.

import { arrange } from './batch_table.js';
import { canUnpack, isZip, members, mib, passedOver, Refusal } from './batch_zip.js';
import { fill } from './wording.js';

const AT_ONCE = 2;
// Delays before a file is sent again, after a busy server or a broken connection.
const PAUSES_MS = [1500, 6000];
// After so many failures in a row the rest waits until the visitor asks for it.
const PATIENCE = 4;
const KEPT = 'batch';
// States of a file: not sent yet; analysed or refused; not sent, but worth another try.
const WAITING = 'waiting', DONE = 'done', FAILED = 'failed';

const form = document.getElementById('batch');
const words = form && JSON.parse(form.dataset.words);
const token = form?.elements.csrf_token.value;
const { lang } = document.documentElement;

// ── What was chosen ──

/** Every chosen file, and those in zips: its path, and a function that returns its content. */
async function chosen() {
  const limits = { count: +form.dataset.count, largest: +form.dataset.largest };
  const files = [...form.elements.files.files, ...form.elements.folder.files];
  const found = [];
  for (const file of files) {
    const path = file.webkitRelativePath || file.name;
    if (passedOver(path)) continue;
    if (!await isZip(file).catch(() => false)) {
      found.push({ path, open: () => loose(file, limits.largest) });
      continue;
    }
    try {
      for (const each of await members(file, limits)) found.push({ path: `${path}/${each.path}`, open: each.open });
    } catch (error) {
      found.push({ path, open: () => Promise.reject(error) });
    }
  }
  if (!found.length) throw new Refusal('nothing');
  if (found.length > limits.count) throw new Refusal('many', { limit: limits.count, count: found.length });
  return found.map((job, place) => ({ ...job, place, state: WAITING, kept: null }));
}

async function loose(file, largest) {
  if (file.size > largest) throw new Refusal('too_large', { size: mib(file.size) });
  return file;
}

// ── The table ──

/** Fetch the table for some rows from the server. */
async function lay(rows, wanted) {
  const body = new URLSearchParams({ csrf_token: token, rows, ...wanted });
  const answer = await fetch(form.dataset.table, { method: 'POST', body }).catch(() => null);
  const page = answer && new DOMParser().parseFromString(await answer.text(), 'text/html');
  const laid = page?.getElementById('results');
  if (!laid) throw new Refusal(answer ? 'strange' : 'no_answer', {}, page?.querySelector('#problem p')?.textContent);
  const section = document.importNode(laid, true);
  section.querySelectorAll('noscript').forEach(each => each.remove());
  // Below a long table nobody would find them.
  section.querySelector('#run').after(section.querySelector('#downloads'));
  form.before(section);
  for (const each of [form, document.querySelector('main > .lead'), document.getElementById('problem')]) {
    if (each) each.hidden = true;
  }
  section.querySelector('#fresh').addEventListener('click', () => sessionStorage.removeItem(KEPT));
  return section;
}

function rowOf(html) {
  const box = document.createElement('template');
  box.innerHTML = html;
  return box.content.querySelector('tr');
}

// ── The run ──

class Run {
  constructor(jobs, wanted, section) {
    Object.assign(this, { jobs, wanted, section, table: arrange(section), stopped: false, told: 0 });
    this.part = id => section.querySelector(`#${id}`);
    this.part('run').hidden = false;
    this.part('bar').max = jobs.length;
    this.part('stop').addEventListener('click', () => { this.stopped = true; this.stopping.abort(); });
    this.part('again').addEventListener('click', () => this.go());
  }

  async go() {
    this.stopped = false;
    this.failures = 0;
    this.stopping = new AbortController();
    this.waiting = this.jobs.filter(job => job.state !== DONE);
    for (const job of this.waiting) job.state = WAITING;
    this.begun = { at: Date.now(), tried: this.tried };
    this.show(true);
    this.part('state').focus();
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.work()));
    this.show(false);
    if (document.activeElement === document.body) this.part('state').focus();
    this.keep();
  }

  get tried() { return this.jobs.filter(job => job.state !== WAITING).length; }

  async work() {
    while (!this.stopped && this.waiting.length) {
      const job = this.waiting.shift();
      const answer = await this.read(job);
      if (!answer) return;
      job.state = answer.again ? FAILED : DONE;
      this.failures = answer.again ? this.failures + 1 : 0;
      if (this.failures >= PATIENCE) this.stopped = true;
      job.kept = [answer.file, answer.id, answer.error];
      this.table.put(rowOf(answer.row), job.place);
      this.show(true);
    }
  }

  /** Read one picture; null where the run was stopped meanwhile. */
  async read(job) {
    let content;
    try {
      content = await job.open();
    } catch (error) {
      return this.refused(job, error instanceof Refusal ? words[error.message] : words.missing, error.values);
    }
    for (const pause of [...PAUSES_MS, 0]) {
      const answer = await this.send(job, content);
      if (this.stopped) return null;
      if (answer.row || !pause) return answer.row ? answer : this.refused(job, answer.error, answer, true);
      await new Promise(resolve => {
        setTimeout(resolve, pause);
        this.stopping.signal.addEventListener('abort', resolve, { once: true });
      });
      if (this.stopped) return null;
    }
  }

  /** Send one picture: the server's answer, or what is to be said where there is none. */
  async send(job, content) {
    const body = new FormData();
    for (const [name, value] of Object.entries({ ...this.wanted, path: job.path })) body.append(name, value);
    body.append('file', content, job.path.split('/').pop() || 'picture');
    const headers = { 'X-CSRFToken': token };
    const { signal } = this.stopping;
    const answer = await fetch(form.dataset.one, { method: 'POST', body, headers, signal }).catch(() => null);
    if (!answer) return { error: words.offline };
    const told = await answer.json().catch(() => null);
    if (told?.row) return told;
    if (answer.status >= 500 || answer.status === 429) return { error: words.busy, status: answer.status };
    if (answer.status === 413 && told) return this.refused(job, told.problem);
    // The other picture on its way was told first; what came of this one is lost with the stop.
    if (this.stopped) return {};
    // The session is over, or somebody else answers: the rest would fare no better.
    this.object(told?.problem ?? words.strange);
    return {};
  }

  object(sentence) {
    this.stopped = true;
    this.stopping.abort();
    object(sentence);
  }

  refused(job, sentence, values = {}, again = false) {
    const row = this.part('refused').content.querySelector('tr').cloneNode(true);
    const error = fill(sentence, values);
    row.dataset.file = row.querySelector('.name').textContent = job.path;
    row.dataset.error = row.querySelector('.words').textContent = error;
    row.dataset.keys = JSON.stringify({ file: job.path.toLowerCase() });
    return { file: job.path, id: '', error, again, row: row.outerHTML };
  }

  show(busy) {
    const { tried } = this, all = this.jobs.length;
    const fresh = tried - this.begun.tried, took = Date.now() - this.begun.at;
    const time = fresh > 1 && tried < all ? duration((took / fresh) * (all - tried)) : '';
    const read = this.jobs.filter(job => job.kept?.[1]).length;
    const values = { done: tried, all, time, read, failed: tried - read, waiting: all - tried };
    const sentence = busy ? (time ? words.left : words.progress) : (tried < all ? words.stopped : words.finished);
    const state = fill(sentence, values);
    this.part('bar').value = tried;
    this.part('state').textContent = state;
    // Said aloud at every quarter only.
    const quarter = busy ? Math.floor((4 * tried) / all) : 5;
    if (quarter !== this.told) this.part('news').textContent = state;
    this.told = quarter;
    this.part('stop').hidden = !busy;
    this.part('downloads').hidden = busy || !tried;
    this.part('fresh').parentElement.hidden = busy;
    this.part('again').hidden = busy || this.jobs.every(job => job.state === DONE);
    window.onbeforeunload = busy ? event => event.preventDefault() : null;
  }

  /** Keep what was done for the downloads, and for coming back to this page. */
  keep() {
    const rows = JSON.stringify(this.jobs.filter(job => job.kept).map(job => job.kept));
    this.part('downloads').elements.rows.value = rows;
    remember({ rows, wanted: this.wanted });
  }
}

/** Format the remaining time in whole minutes or tens of seconds. */
function duration(milliseconds) {
  const seconds = Math.max(10, 10 * Math.round(milliseconds / 10_000));
  const [value, unit] = seconds < 90 ? [seconds, 'second'] : [Math.round(seconds / 60), 'minute'];
  return new Intl.NumberFormat(lang, { style: 'unit', unit, unitDisplay: 'long' }).format(value);
}

function object(sentence) {
  const box = document.getElementById('objection');
  box.textContent = sentence;
  box.hidden = !sentence;
}

function remember(batch) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(batch));
  } catch {
    // No room, or not allowed: the batch is then forgotten when the page is left.
  }
}

async function start() {
  const zips = canUnpack ? [] : await Promise.all([...form.elements.files.files].map(file => isZip(file)));
  if (zips.includes(true)) return form.submit();
  const wanted = { function: form.elements.function.value, model: form.elements.model.value };
  const [button] = form.querySelectorAll('[type=submit]');
  button.disabled = true;
  object('');
  try {
    const jobs = await chosen();
    const run = new Run(jobs, wanted, await lay('[]', wanted));
    await run.go();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    object(error.said ?? fill(words[error.message], error.values));
  } finally {
    button.disabled = false;
  }
}

/** Show again the batch that was on the page before the visitor opened one of its analyses. */
async function comeBack() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? 'null');
  if (kept) arrange(await lay(kept.rows, kept.wanted));
}

if (form) {
  form.addEventListener('submit', event => { event.preventDefault(); start(); });
  comeBack().catch(() => sessionStorage.removeItem(KEPT));
}
