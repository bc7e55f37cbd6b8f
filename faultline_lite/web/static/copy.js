// Buttons that copy what stands beside them.

function textOf(button) {
  const named = button.dataset.copy;
  const source = named ? document.getElementById(named) : button.parentElement.querySelector("pre");
  return source.textContent;
}

async function fetchText(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(answer.statusText);
  return new Blob([await answer.text()], { type: "text/plain" });
}

async function copy(button) {
  const { copyFrom } = button.dataset;
  if (copyFrom) {
    // The promise is handed over at once: some browsers take a click as consent for a moment only.
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": fetchText(copyFrom) })]);
  } else {
    await navigator.clipboard.writeText(textOf(button));
  }
  const label = button.textContent;
  button.textContent = button.dataset.done;
  document.getElementById("announcements").textContent = button.dataset.done;
  setTimeout(() => {
    button.textContent = label;
  }, 1500);
}

export function showCopyButtons(root) {
  // Browsers give the clipboard to pages over https and on this machine only.
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("[data-copy], [data-copy-from]")) button.hidden = false;
}

export function copyOnClick() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (button) copy(button);
  });
}
