// The viewer: radiograph, heat map, lung outline and grey levels, in place of the images side by side. It also puts the
// address of the analysis into the address bar. The page works without this script too.

import { Contrast } from './viewer/contrast.js';
import { listen } from './viewer/gestures.js';
import { Greys } from './viewer/greys.js';
import { View } from './viewer/view.js';
import { fill } from './wording.js';

const STEP = 40; // pixels that a key moves the film
const NUDGE = 5; // that a key changes brightness or contrast

// A reload would send the form again, and its address shows nothing to anybody else.
const { address } = document.getElementById('result').dataset;
if (address) {
  history.replaceState(null, '', address);
  for (const field of document.querySelectorAll('[name=back]')) field.value = address;
}

const template = document.getElementById('viewer');
if (template) {
  const pictures = template.parentElement;
  template.before(template.content);
  pictures.classList.add('viewing');
  fit(pictures.querySelector('.viewer'), pictures);
}

/** Set up a viewer, in the section that also holds the pictures side by side. */
function fit(viewer, pictures) {
  const part = selector => viewer.querySelector(selector);
  const named = name => part(`[name=${name}]`);
  const stage = part('.stage');
  const view = zoomed(part, named);
  const overlays = overlaid(viewer, named);
  const greys = greyed(viewer, part, named);

  const reset = () => {
    view.reset();
    overlays.reset();
    greys.set(0, 0);
  };
  const draggingSetsGreys = () => part('[name=drag][value=window]').checked;
  const switchDragging = () => {
    const to = part(`[name=drag][value=${draggingSetsGreys() ? 'move' : 'window'}]`);
    to.checked = !to.disabled;
    show();
  };
  const show = () => {
    overlays.show();
    stage.classList.toggle('greys', draggingSetsGreys());
  };

  const zoomIn = () => view.zoomBy(1.5);
  const zoomOut = () => view.zoomBy(1 / 1.5);
  const full = () => (document.fullscreenElement ? document.exitFullscreen() : viewer.requestFullscreen());
  for (const [name, act] of Object.entries({ in: zoomIn, out: zoomOut, reset, full })) {
    named(name).addEventListener('click', act);
  }
  named('full').hidden = !document.fullscreenEnabled;
  named('side').addEventListener('click', () => {
    named('side').setAttribute('aria-pressed', pictures.classList.toggle('side-by-side'));
  });
  const plain = held(stage, named('plain'));
  viewer.addEventListener('input', ({ target }) => {
    if (target.matches('[name=brightness], [name=contrast]')) greys.set(+named('brightness').value, +named('contrast').value);
    else show();
  });
  listen(stage, view, draggingSetsGreys, greys.drag);

  const keys = {
    '+': zoomIn, '=': zoomIn, '-': zoomOut, 0: reset, w: switchDragging,
    p: () => plain(true), h: overlays.switchHeat, m: overlays.switchModel, l: () => overlays.press('lungs'), f: () => overlays.press('frame'),
  };
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  viewer.addEventListener('keyup', event => event.key.toLowerCase() === 'p' && plain(false));
  viewer.addEventListener('keydown', event => {
    if (event.target.matches('input, select, textarea') || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = arrows[event.key];
    const act = keys[event.key.toLowerCase()];
    // A film that is seen whole has nowhere to go: the arrows are the page's.
    if (arrow ? !event.shiftKey && view.zoom === 1 : !act) return;
    event.preventDefault();
    if (!arrow) act();
    else if (event.shiftKey) greys.change(NUDGE * arrow[1], NUDGE * arrow[0]);
    else view.moveBy(-STEP * arrow[0], STEP * arrow[1]);
  });

  reset();
}

/** Show the plain radiograph while a button is held; returns what shows or hides it. */
function held(stage, button) {
  const plain = on => stage.classList.toggle('plain', on);
  const of = key => key === ' ' || key === 'Enter';
  button.addEventListener('pointerdown', event => {
    button.setPointerCapture(event.pointerId);
    plain(true);
  });
  for (const end of ['pointerup', 'pointercancel', 'blur']) button.addEventListener(end, () => plain(false));
  button.addEventListener('keydown', event => of(event.key) && plain(true));
  button.addEventListener('keyup', event => of(event.key) && plain(false));
  button.addEventListener('contextmenu', event => event.preventDefault());
  return plain;
}

/** Set up zoom and pan. */
function zoomed(part, named) {
  const { width, height } = part('svg').viewBox.baseVal;
  part('.stage').style.setProperty('--ratio', width / height);
  const percent = new Intl.NumberFormat(document.documentElement.lang, { style: 'percent' });
  return new View(part('.stage'), part('.layers'), zoom => {
    named('zoom').value = percent.format(zoom);
    named('out').disabled = zoom === 1;
  });
}

/** Set up the heat map and the outlines over the radiograph. */
function overlaid(viewer, named) {
  const models = [...viewer.querySelectorAll('[name=heat-of]')];
  const strength = named('heat');
  const start = strength.value;
  let heat = start;
  function show() {
    const chosen = models.find(model => model.checked)?.value;
    for (const each of viewer.querySelectorAll('[data-model]')) each.hidden = Boolean(chosen) && each.dataset.model !== chosen;
    for (const each of viewer.querySelectorAll('.heat')) each.style.opacity = strength.value / 100;
    for (const line of ['lungs', 'frame']) viewer.querySelector(`.the-${line}`).toggleAttribute('hidden', !named(line).checked);
  }
  return {
    show,
    press(name) {
      named(name).checked = !named(name).checked;
      show();
    },
    switchHeat() {
      [heat, strength.value] = +strength.value ? [strength.value, 0] : [heat, heat];
      show();
    },
    switchModel() {
      if (models.length) models[(models.findIndex(model => model.checked) + 1) % models.length].checked = true;
      show();
    },
    reset() {
      strength.value = start;
      for (const box of ['lungs', 'frame']) named(box).checked = true;
      show();
    },
  };
}

/** Set up brightness and contrast; the grey levels are fetched when they are first needed. */
function greyed(viewer, part, named) {
  const { film, deep, low, high, curve, words } = viewer.dataset;
  const canvas = part('canvas');
  const shape = { low: +low, high: +high, curve: JSON.parse(curve) };
  const sentences = JSON.parse(words);
  const contrast = new Contrast(shape);
  const greys = new Greys(canvas, { address: deep ?? film, deep: Boolean(deep), curve: shape.curve });
  let frame = 0;

  async function draw() {
    const { level, width } = contrast.window;
    named('window').value = fill(sentences.window, { level: Math.round(level), width: Math.round(width) });
    if (!contrast.plain) {
      viewer.setAttribute('aria-busy', 'true');
      await greys.load().then(() => greys.show(contrast.window.low, contrast.window.high), giveUp);
      viewer.removeAttribute('aria-busy');
    }
    canvas.hidden = contrast.plain;
  }
  function giveUp() {
    part('.unreadable').textContent = sentences.unreadable;
    for (const control of ['[name=brightness]', '[name=contrast]', '[value=window]']) part(control).disabled = true;
    part('[name=drag][value=move]').checked = true;
    set(0, 0);
  }
  function set(...values) {
    contrast.set(...values);
    follow();
  }
  function follow() {
    named('brightness').value = contrast.brightness;
    named('contrast').value = contrast.contrast;
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(draw);
  }
  const following = act => (...values) => {
    if (part('[value=window]').disabled) return;
    act(...values);
    follow();
  };
  return { set, change: following((...by) => contrast.change(...by)), drag: following((...by) => contrast.drag(...by)) };
}
