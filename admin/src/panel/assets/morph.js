// Makes one piece of the page like another, and changes no more than differs: focus, selection and scroll stay.

/** Makes `from` like `to`. Children with `data-key` are found again wherever they are. */
export function morph(from, to) {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) {
    from.replaceWith(to);
    return;
  }
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  const changed = attributes(from, to);
  // The page writes these itself, from their attributes.
  if (from.localName === "time" && !changed) return;
  children(from, to);
}

/** What the reader has done to an element is not undone. */
const KEPT = new Set(["open", "style", "tabindex"]);

function attributes(from, to) {
  let changed = false;
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) === value) continue;
    from.setAttribute(name, value);
    changed = true;
  }
  for (const { name } of [...from.attributes]) {
    if (to.hasAttribute(name) || KEPT.has(name)) continue;
    from.removeAttribute(name);
    changed = true;
  }
  return changed;
}

function children(from, to) {
  const keyed = new Map();
  const wanted = new Set();
  for (const child of to.children) if (child.dataset.key) wanted.add(child.dataset.key);
  for (const child of [...from.children]) {
    const { key } = child.dataset;
    if (!key) continue;
    // First, so that the others need not move.
    if (wanted.has(key)) keyed.set(key, child);
    else child.remove();
  }
  let at = from.firstChild;
  for (const child of [...to.childNodes]) {
    const key = child.dataset?.key;
    const known = key && keyed.get(key);
    if (known) {
      if (known === at) at = at.nextSibling;
      else move(from, known, at);
      morph(known, child);
    } else if (!key && at && !at.dataset?.key && at.nodeName === child.nodeName) {
      const next = at.nextSibling;
      morph(at, child);
      at = next;
    } else {
      from.insertBefore(child, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** An element that moves loses the focus; it gets it back. */
function move(parent, child, before) {
  const focused = child.contains(document.activeElement) ? document.activeElement : null;
  parent.insertBefore(child, before);
  focused?.focus({ preventScroll: true });
}
