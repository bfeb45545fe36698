// The threshold slider: what each threshold finds and misses, on scores that came with the page.

import { fill } from './wording.js';

const panel = document.getElementById('thresholds');
const part = id => document.getElementById(id);
const { steps, left, side } = JSON.parse(panel.dataset.steps);
const words = JSON.parse(panel.dataset.words);
const line = panel.querySelector('svg .threshold');
const { lang } = document.documentElement;
const plain = new Intl.NumberFormat(lang, { minimumFractionDigits: 2, maximumFractionDigits: 4 });
const ofHundred = share => Math.round(100 * share);

function move() {
  const [threshold, sensitivity, specificity] = steps[part('cut').value];
  for (const end of ['x1', 'x2']) line.setAttribute(end, left + side * threshold);
  part('cut').setAttribute('aria-valuetext', plain.format(threshold));
  part('cut-value').textContent = plain.format(threshold);
  part('found').textContent = fill(words.found, { found: ofHundred(sensitivity), missed: 100 - ofHundred(sensitivity) });
  part('cleared').textContent = fill(words.cleared,
    { cleared: ofHundred(specificity), alarms: 100 - ofHundred(specificity) });
  // Bayes' rule, in people.
  const ill = +part('prevalence').value;
  const [right, wrong] = [ill * sensitivity, (1 - ill) * (1 - specificity)];
  part('worth').textContent = right + wrong ? fill(words.worth, { right: ofHundred(right / (right + wrong)) }) : words.none;
}

part('cut').addEventListener('input', move);
part('prevalence').addEventListener('change', move);
panel.querySelector('[data-script]').hidden = false;
move();
