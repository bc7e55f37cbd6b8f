// Links and bookmarks of faultline's own pages: #/projects/{project}/errors/{message}/occurrences/{place}

const OLD = /^#\/projects\/([^/]+)(?:\/errors(?:\/([^/]+)(?:\/occurrences\/([^/]+))?)?)?\/?$/;

export function followOldLink() {
  if (location.pathname !== "/") return;
  const found = OLD.exec(location.hash);
  if (found === null) return;
  const [project, message, place] = found.slice(1).map(encodeOnce);
  let path = `/projects/${project}`;
  if (message !== undefined) path += `/errors/${message}`;
  if (place !== undefined) path += `/occurrences/${place}`;
  location.replace(path);
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
