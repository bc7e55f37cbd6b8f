// The live tail: an event says which errors have changed. It is followed while the page is looked
// at; browsers allow a server only six connections, which as many open tabs would use up. What
// changes in between is told afterwards: the server is asked for all since the last event, at first
// since the page was made.

export function follow(element, onChange) {
  const { live, liveSince } = element.dataset;
  let since = liveSince;
  let source = null;

  const open = () => {
    if (source !== null) return;
    source = new EventSource(`${live}?since=${since}`);
    source.addEventListener("message", (event) => {
      since = event.lastEventId || since;
      onChange(JSON.parse(event.data));
    });
  };
  const close = () => {
    source?.close();
    source = null;
  };
  const decide = () => {
    if (document.hidden) close();
    else open();
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
