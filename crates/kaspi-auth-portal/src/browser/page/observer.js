// Runs in an isolated world of every top document, before the page's own scripts. One MutationObserver looks at each change,
// finds out what the page shows by the recipe, and reports when that has become something else. Nothing here polls; a timer runs
// only once, to call a page unknown that shows nothing known for too long.
(() => {
  'use strict';
  if (globalThis.kaspiPage) return;
  const recipe = __RECIPE__;
  const binding = '__BINDING__';

  // ---- finding ------------------------------------------------------------------------------------------------------

  const patterns = new Map();
  const pattern = (text) => {
    let made = patterns.get(text);
    if (!made) patterns.set(text, made = new RegExp(text, 'iu'));
    return made;
  };
  const textOf = (element) => (element.value && element.type === 'submit' ? element.value : element.textContent).replace(/\s+/g, ' ').trim();
  const shown = (element) => element.checkVisibility({ visibilityProperty: true }) || element.localName === 'title';
  // Boxes and circles are often hidden behind a drawing of theirs.
  const visible = (element) => shown(element) || (/^(checkbox|radio)$/.test(element.type) && shown(element.closest('label') ?? element.parentElement));
  const own = (element) => element.closest('[data-kaspi-veil]') !== null;

  function all(alternative) {
    let found;
    try {
      found = [...document.querySelectorAll(alternative.css)];
    } catch {
      return [];
    }
    const fits = (element) => !own(element) && (!alternative.text || pattern(alternative.text).test(textOf(element))) && visible(element);
    return found.filter(fits);
  }

  function seek(name, elements = recipe.elements) {
    const alternatives = elements[name] ?? [];
    for (let by = 0; by < alternatives.length; by += 1) {
      const found = all(alternatives[by]);
      if (found.length > 0) return { found, by };
    }
    return null;
  }

  const find = (name) => seek(name)?.found[0] ?? null;

  // ---- what the page shows ------------------------------------------------------------------------------------------

  const status = () => performance.getEntriesByType('navigation')[0]?.responseStatus ?? 0;

  function look() {
    if (document.readyState === 'loading') return null;
    for (const rule of recipe.outcomes) {
      if (rule.status.length > 0 && !rule.status.includes(status())) continue;
      if (rule.path && !pattern(rule.path).test(location.pathname)) continue;
      if (!rule.element) return { kind: rule.is, element: null };
      const element = find(rule.element);
      if (element && !(rule.is === 'error' && isStale(element))) return { kind: rule.is, element, name: rule.element };
    }
    return null;
  }

  // An error that stood there before the step is not the step's, until it is written anew.
  let stale = new Map();
  const isStale = (element) => textOf(element) === '' || stale.get(element) === textOf(element);
  function touched(records) {
    if (stale.size === 0) return;
    for (const element of stale.keys()) {
      if (records.some((record) => record.type !== 'attributes' && element.contains(record.target))) stale.delete(element);
    }
  }

  function fields() {
    const list = [...document.querySelectorAll('input, select, textarea, button')].filter((field) => field.type !== 'hidden' && visible(field) && !own(field));
    return list.slice(0, 40).map((field) => [field.localName, field.getAttribute('type') ?? '', field.name ?? '', field.id]);
  }

  function options() {
    const attribute = (element) => recipe.choice.attributes.map((name) => element.getAttribute(name)).find((value) => value && value !== 'on');
    return (seek('merchant')?.found ?? []).slice(0, 200).map((element) => {
      const box = element.closest('label') ?? element;
      const text = textOf(box);
      const id = attribute(element) ?? text.match(pattern(recipe.choice.id))?.[1] ?? '';
      const named = box.querySelector(recipe.choice.name);
      return { element, id, name: named ? textOf(named) : text };
    });
  }

  function describe(seen) {
    const report = { k: seen.kind, a: armed, s: status(), p: location.pathname };
    if (seen.kind === 'form' || seen.kind === 'captcha') {
      report.f = fields();
      report.u = navigator.userAgent;
    } else if (seen.kind === 'error') {
      report.x = textOf(seen.element).slice(0, 500);
    } else if (seen.kind === 'code') {
      const sent = find('sent_to');
      report.x = sent ? textOf(sent).slice(0, 300) : '';
    } else if (seen.kind === 'choice') {
      report.o = options().map(({ id, name }) => [id.slice(0, 100), name.slice(0, 200)]);
    } else {
      report.x = document.title.slice(0, 200);
    }
    return report;
  }

  // ---- reporting ----------------------------------------------------------------------------------------------------

  let armed = 0;
  let last = '';
  let unknown = 0;
  const waiters = new Set();

  const report = (text) => globalThis[binding]?.(JSON.stringify(text));

  function changed(records) {
    touched(records);
    const seen = look();
    for (const waiter of [...waiters]) waiter(seen);
    const digest = seen ? `${armed}:${seen.kind}:${seen.kind === 'error' ? textOf(seen.element).replace(/\d+/g, '#') : ''}` : '';
    if (seen) {
      clearTimeout(unknown);
      unknown = 0;
    } else if (!unknown) unknown = setTimeout(settle, recipe.settle);
    if (digest === last) return;
    last = digest;
    if (seen) report(describe(seen));
  }

  function settle() {
    unknown = 0;
    if (document.readyState === 'loading') unknown = setTimeout(settle, recipe.settle);
    else if (!look()) report(describe({ kind: 'strange' }));
  }

  const watcher = new MutationObserver(changed);
  const watched = { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ['class', 'style', 'hidden', 'disabled', 'aria-hidden', 'open', 'src', 'type'] };

  // ---- doing --------------------------------------------------------------------------------------------------------

  class Stop extends Error {
    constructor(why, name) {
      super(why);
      this.outcome = { fail: why, element: name };
    }
  }

  // Resolves with what `get` finds, as soon as it finds it; ends when the page shows something else instead.
  function until(get, name, end, ends = ['error', 'captcha', 'wall', 'down', 'cabinet', 'strange']) {
    return new Promise((resolve, reject) => {
      let timer = 0;
      const finish = (then, value) => {
        clearTimeout(timer);
        waiters.delete(waiter);
        then(value);
      };
      const waiter = (seen) => {
        const found = get();
        if (found) finish(resolve, found);
        else if (seen && ends.includes(seen.kind)) finish(reject, new Stop(seen.kind, name));
      };
      timer = setTimeout(() => finish(reject, new Stop('missing', name)), Math.max(0, end - performance.now()));
      waiters.add(waiter);
      waiter(null);
    });
  }

  const enabled = (name) => () => {
    const element = find(name);
    return element && !element.disabled ? element : null;
  };
  // What a page is pressed for while it waits for an answer is lost.
  const idle = (end) => until(() => !find('busy'), 'busy', Math.min(end, performance.now() + 3000), []).catch(() => true);
  const digits = (text) => text.replace(/\D/g, '');

  function put(element, value) {
    element.focus();
    const kind = element instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(kind.prototype, 'value').set.call(element, value);
    element.dispatchEvent(new InputEvent('input', { bubbles: true, composed: true, inputType: 'insertText' }));
    element.dispatchEvent(new Event('change', { bubbles: true }));
  }

  const ACTS = {
    // Brings a field into view by its tab, where it is not there yet.
    async tab({ tab, el }, end) {
      if (find(el)) return;
      const opener = find(tab);
      if (!opener) throw new Stop('missing', find(el) ? tab : el);
      opener.click();
      await until(() => find(el), el, end);
    },
    async fill({ el, value, other }, end) {
      const element = await until(enabled(el), el, end, ['wall', 'down', 'cabinet', 'strange']);
      const row = seek(el).found;
      if (element.maxLength === 1 && row.length === value.length && value.length > 1) {
        row.forEach((cell, at) => put(cell, value[at]));
        return;
      }
      put(element, value);
      // A masked field may read the same digits in another way; the mask's own spelling is the last word.
      const kept = () => (other ? digits(element.value).endsWith(digits(other).slice(1)) : element.value !== '');
      if (!kept() && other) put(element, other);
      if (!kept()) throw new Stop('refused', el);
    },
    async focus({ el }, end) {
      const element = await until(enabled(el), el, end);
      put(element, '');
      element.focus();
      element.select();
    },
    async settled({ el }) {
      const element = find(el);
      if (!element || element.value === '') throw new Stop('refused', el);
      element.dispatchEvent(new Event('change', { bubbles: true }));
    },
    // A page may ask for all at once, or for one after the other.
    async next({ el }, end) {
      if (find(el)) return;
      (await until(enabled('submit'), 'submit', end, ['wall', 'down', 'cabinet', 'strange'])).click();
      await until(() => find(el), el, end);
    },
    async tick({ el }) {
      const element = find(el);
      const box = element?.type === 'checkbox' ? element : element?.querySelector('input[type=checkbox]');
      if (box && !box.checked) box.click();
    },
    async wait({ el }, end) {
      await until(() => find(el), el, end);
    },
    // Any of several, as far as it is new.
    async seen({ els }, end) {
      await until(() => els.map(find).find((element) => element && !isStale(element)), els[0], end, []);
    },
    async click({ el }, end) {
      await idle(end);
      (await until(enabled(el), el, end, ['wall', 'down', 'cabinet', 'strange'])).click();
    },
    async press({ el }, end) {
      await idle(end);
      const element = find(el);
      if (!element) throw new Stop('missing', el);
      if (element.disabled) throw new Stop('disabled', el);
      element.click();
    },
    async choose({ ids, name }, end) {
      await idle(end);
      await until(() => find('merchant'), 'merchant', end);
      const list = options();
      const option = list.find(({ id }) => ids.includes(id)) ?? list.find((one) => name && one.name === name);
      if (!option) throw new Stop('missing', 'merchant');
      const { element } = option;
      if (element.localName === 'option') {
        const select = element.closest('select');
        select.value = element.value;
        select.dispatchEvent(new Event('input', { bubbles: true }));
        select.dispatchEvent(new Event('change', { bubbles: true }));
      } else element.click();
      // Where the click alone is the answer, the form is gone by now.
      const submit = element.isConnected ? find('submit') : null;
      if (submit && !submit.disabled) submit.click();
    },
  };

  // Does acts in their order. Everything that the page shows from now on belongs to the step.
  async function act(step, acts, millis) {
    if (step > armed) {
      armed = step;
      last = '';
      stale = new Map([...new Set(['general_error', 'field_error'].flatMap((name) => seek(name)?.found ?? []))].map((element) => [element, textOf(element)]));
      const seen = look();
      // What is there already is no news.
      if (seen && seen.kind !== 'error') last = `${armed}:${seen.kind}:`;
    }
    const end = performance.now() + millis;
    try {
      for (const one of acts) await ACTS[one.do](one, end);
      return { ok: true };
    } catch (stop) {
      if (stop instanceof Stop) return { ok: false, ...stop.outcome, now: now() };
      return { ok: false, fail: 'broken', element: String(stop?.name ?? '') };
    }
  }

  const now = () => {
    const seen = look();
    return seen ? describe(seen) : { k: 'none', a: armed, s: status(), p: location.pathname, x: document.title.slice(0, 200) };
  };

  // Which elements of a recipe are there, and by which alternative; the phone's field behind its tab.
  async function check(elements) {
    const fits = ({ css }) => {
      try {
        document.querySelector(css);
        return true;
      } catch {
        return false;
      }
    };
    const result = {};
    const add = (name) => {
      const unfit = elements[name].findIndex((alternative) => !fits(alternative));
      result[name] = { by: seek(name, elements)?.by ?? null, unfit: unfit < 0 ? null : unfit };
    };
    for (const name of Object.keys(elements)) add(name);
    const tab = seek('phone_tab', elements)?.found[0];
    if (tab && result.phone?.by === null) {
      tab.click();
      await until(() => seek('phone', elements), 'phone', performance.now() + 2000, []).catch(() => null);
      add('phone');
      seek('email_tab', elements)?.found[0]?.click();
    }
    return result;
  }

  globalThis.kaspiPage = { act, now, check, find, visible };
  watcher.observe(document, watched);
  document.addEventListener('DOMContentLoaded', () => changed([]), { once: true });
  addEventListener('load', () => changed([]), { once: true });
  addEventListener('pageshow', (event) => event.persisted && changed([]));
})();
