// Share links: opens the result that a link leads to, and copies a new link. Both can be done without this script too.

const field = document.getElementById('link');
const copy = document.querySelector('[name=copy]');

if (copy) {
  copy.hidden = !navigator.clipboard;
  copy.addEventListener('click', async () => {
    await navigator.clipboard.writeText(field.value);
    copy.textContent = copy.dataset.done;
  });
} else if (location.hash) {
  field.value = location.hash.slice(1);
  // The token stays in no history.
  history.replaceState(null, '', location.pathname);
  field.form.submit();
}
