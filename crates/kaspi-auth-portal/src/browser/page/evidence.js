// What an operator may see of a page: its skeleton without what was typed, and black bars over what must not be in a picture.
// Declared as one function that is called with the name of what is wanted.
(wanted, name) => {
  const PERSONAL = /[^\s@<>"'()]+@[^\s@<>"'()]+\.[^\s@<>"'()]+|\+?\d[\d\s()*-]{8,}\d/gu;
  const star = (text) => text.replace(PERSONAL, '***');
  const bare = (address) => address.replace(/[?#].*$/s, '');

  function skeleton() {
    const root = document.documentElement.cloneNode(true);
    for (const gone of root.querySelectorAll('script, noscript, template, object, embed, link, base, meta[http-equiv], [data-kaspi-veil]')) gone.remove();
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT | NodeFilter.SHOW_COMMENT);
    const comments = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.nodeType === Node.COMMENT_NODE) comments.push(node);
      else if (node.nodeType === Node.TEXT_NODE) {
        if (node.parentNode.localName !== 'style') node.data = star(node.data);
      } else {
        for (const { name: attribute, value } of [...node.attributes]) {
          if (/^(on|value$|srcdoc$|srcset$|action$|formaction$|nonce$|integrity$)/i.test(attribute)) {
            if (!(attribute === 'value' && /^(radio|checkbox|submit|button)$/.test(node.type) && !/[@+]/.test(value))) node.removeAttribute(attribute);
          } else if (/^(src|href|poster)$/i.test(attribute)) node.setAttribute(attribute, value.startsWith('data:') ? 'data:,' : bare(value));
          else if (/^data-/.test(attribute) && value.length > 64) node.removeAttribute(attribute);
          else node.setAttribute(attribute, star(value));
        }
        if (node.localName === 'textarea' || node.isContentEditable) node.textContent = '';
      }
    }
    for (const comment of comments) comment.remove();
    return `<!doctype html>\n${root.outerHTML}`.slice(0, 262144);
  }

  function veil() {
    const box = document.createElement('div');
    box.dataset.kaspiVeil = '';
    const cover = ({ left, top, width, height }) => {
      if (width === 0 || height === 0) return;
      const bar = document.createElement('i');
      bar.style.cssText = `all:initial;position:absolute;z-index:2147483647;background:#000;left:${left + scrollX}px;top:${top + scrollY}px;width:${width}px;height:${height}px`;
      box.append(bar);
    };
    for (const field of document.querySelectorAll('input, textarea, select, [contenteditable]')) {
      if (!/^(checkbox|radio|submit|button|hidden)$/.test(field.type)) cover(field.getBoundingClientRect());
    }
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      for (const found of node.data.matchAll(PERSONAL)) {
        const range = document.createRange();
        range.setStart(node, found.index);
        range.setEnd(node, found.index + found[0].length);
        for (const part of range.getClientRects()) cover(part);
      }
    }
    document.documentElement.append(box);
    return true;
  }

  function unveil() {
    for (const box of document.querySelectorAll('[data-kaspi-veil]')) box.remove();
    return true;
  }

  // Where an element is, once the pictures in it have been loaded.
  async function place() {
    const found = globalThis.kaspiPage?.find(name);
    if (!found) return null;
    // A picture alone says less than what stands around it.
    const element = found.localName === 'img' || found.localName === 'canvas' ? found.parentElement : found;
    const pictures = [...element.querySelectorAll('img'), ...(element.localName === 'img' ? [element] : [])];
    await Promise.race([
      Promise.all(pictures.map((picture) => {
        if (picture.complete && picture.naturalWidth > 0) return undefined;
        const loaded = new Promise((resolve) => {
          picture.addEventListener('load', resolve, { once: true });
          picture.addEventListener('error', resolve, { once: true });
        });
        picture.src = picture.src;
        return loaded;
      })),
      new Promise((resolve) => setTimeout(resolve, 3000)),
    ]);
    element.scrollIntoView({ block: 'center' });
    const { left, top, width, height } = element.getBoundingClientRect();
    return { x: left + scrollX, y: top + scrollY, width, height };
  }

  return { skeleton, veil, unveil, place }[wanted]();
}
