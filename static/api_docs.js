// Sends the form of the API page as a program would, and shows the answer on the page.

const form = document.getElementById("try-form");
const place = document.getElementById("answer");
const line = document.getElementById("answer-status");
const body = document.getElementById("answer-body");
const token = document.getElementById("token");

// Only a script can set the header.
document.getElementById("token-field")?.removeAttribute("hidden");

function show(words, text) {
  line.textContent = words;
  body.textContent = text;
  body.parentElement.hidden = !text;
  place.hidden = false;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function send() {
  const headers = token?.value ? { Authorization: `Bearer ${token.value}` } : {};
  const request = { method: "POST", body: new FormData(form), headers, credentials: "omit" };
  const answer = await fetch(form.action, request);
  const location = answer.headers.get("Location");
  const words = `${form.dataset.answered} ${answer.status} ${answer.statusText}`;
  show(location ? `${words} · Location: ${location}` : words, pretty(await answer.text()));
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  show(form.dataset.reading, "");
  try {
    await send();
  } catch {
    show(form.dataset.unreachable, "");
  }
  button.disabled = false;
});
