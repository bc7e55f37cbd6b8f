// Links and bookmarks of faultline's own pages: #/projects/{project}/errors/{message}/occurrences/{place}

const OLD = /^#\/projects\/([^/]+)(?:\/errors(?:\/([^/]+)(?:\/occurrences\/([^/]+))?)?)?\/?$/;

export function followOldLink() {
  const path = translate(location.hash);
  if (path === null) return;
  if (location.pathname === "/") location.replace(path);
  // Whoever has to log in first goes there afterwards; browsers keep the fragment that far.
  const next = document.querySelector('form[action="/login"] [name=next]');
  if (next && next.value === "/") next.value = path;
}

function translate(fragment) {
  const found = OLD.exec(fragment);
  if (found === null) return null;
  const [project, message, place] = found.slice(1).map(encodeOnce);
  let path = `/projects/${project}`;
  if (message !== undefined) path += `/errors/${message}`;
  if (place !== undefined) path += `/occurrences/${place}`;
  return path;
}

// A template filled in by hand may hold what a URL must not; what is encoded already stays.
function encodeOnce(part) {
  if (part === undefined) return undefined;
  try {
    return encodeURIComponent(decodeURIComponent(part));
  } catch {
    return encodeURIComponent(part);
  }
}
