// The live tail: an event says which errors have changed. It is followed while the page is looked
// at; browsers allow a server only six connections, which as many open tabs would use up.

export function follow(path, onChange) {
  let source = null;
  let missed = false;

  const open = () => {
    if (source !== null) return;
    source = new EventSource(path);
    source.addEventListener("message", (event) => onChange(JSON.parse(event.data)));
  };
  const close = () => {
    if (source === null) return;
    source.close();
    source = null;
    missed = true;
  };
  const decide = () => {
    if (document.hidden) {
      close();
      return;
    }
    open();
    if (missed) {
      missed = false;
      onChange({ errors: [], all: true });
    }
  };
  document.addEventListener("visibilitychange", decide);
  addEventListener("pagehide", close);
  addEventListener("pageshow", decide);
  decide();
}

// The page as the server would render it now.
export async function fetchPage(path) {
  const answer = await fetch(path, { headers: { "HX-Request": "true" } });
  if (answer.status === 403) location.reload();
  if (!answer.ok) return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}
