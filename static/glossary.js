// The meaning of a word at the word, on hover and on focus. Without this script the word is a link to the list.

const tip = document.createElement('div');
tip.className = 'tip';
tip.setAttribute('aria-hidden', 'true'); // a screen reader gets the meaning by aria-describedby
tip.hidden = true;
document.body.append(tip);

function show(word) {
  tip.textContent = document.getElementById(word.getAttribute('aria-describedby')).textContent;
  tip.hidden = false;
  const { left, top, bottom } = word.getBoundingClientRect();
  const { width, height } = tip.getBoundingClientRect();
  const below = bottom + height < innerHeight;
  tip.style.left = `${scrollX + Math.max(8, Math.min(left, document.documentElement.clientWidth - width - 8))}px`;
  tip.style.top = `${scrollY + (below ? bottom : top - height)}px`;
}

const hide = () => { tip.hidden = true; };
const wordAt = event => event.target.closest?.('.term');

document.addEventListener('mouseover', event => {
  if (wordAt(event)) show(wordAt(event));
  // It stays while the pointer is on it, so that it can be read with a magnifier.
  else if (!tip.contains(event.target)) hide();
});
document.addEventListener('focusin', event => (wordAt(event) ? show(wordAt(event)) : hide()));
document.addEventListener('keydown', event => event.key === 'Escape' && hide());
