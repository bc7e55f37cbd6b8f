// Buttons that copy what stands beside them.

function textOf(button) {
  const named = button.dataset.copy;
  const source = named ? document.getElementById(named) : button.parentElement.querySelector("pre");
  return source.textContent;
}

async function copy(button) {
  await navigator.clipboard.writeText(textOf(button));
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
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
}

export function copyOnClick() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
}
