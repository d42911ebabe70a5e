// The login flow of the sandbox portal, shared by every variant of the page.
// Elements are found by `data-part` alone: ids, classes, names and labels belong to the page that embeds this script.
(function () {
  'use strict';

  const pieces = {};
  for (const template of document.querySelectorAll('template[data-part]')) {
    pieces[template.dataset.part] = template.content.firstElementChild;
    template.remove();
  }
  const origins = readJson('origins');
  const settings = readJson('settings');
  const part = (name, root = document) => root.querySelector(`[data-part="${name}"]`);
  const piece = (name) => pieces[name].cloneNode(true);
  const form = part('form');
  const fields = part('fields');
  const submit = part('submit');
  const tabs = part('tabs');

  // What the steps share. `shown` holds the inputs that are in the document now.
  const login = { step: '', channel: '', email: '', phone: '', remember: true };
  let shown = {};
  let busy = false;
  let countdown = 0;
  // A captcha that can be passed holds the first request back until it is.
  let human = settings.captcha !== 'passable' && settings.captcha !== 'picture';
  let waiting = null;

  // ---- texts --------------------------------------------------------------------------------------------------

  const GENERAL = {
    CREDENTIALS_INVALID: 'Неверные почта или пароль',
    FAILED: 'Не удалось войти. Попробуйте ещё раз.',
    SECURITY_CODE_INVALID: 'Неверный код',
    MFA_CODE_INVALID: 'Неверный код',
    TIMEOUT_EXCEEDED: 'Время входа истекло. Начните заново.',
    INACTIVE_CODE_ERROR: 'Этот код больше не действует. Начните заново.',
    MFA_CODE_ATTEMPT_LIMIT: 'Попытки ввода кода закончились. Начните вход заново.',
    INSUFFICIENT_PERMISSIONS: 'У этой учётной записи нет прав на вход в кабинет.',
    NO_MERCHANTS: 'У этой учётной записи нет магазинов.',
  };
  const ABOUT_CODE = {
    FAILED: 'Код не подошёл. Проверьте его или запросите новый.',
    SECURITY_CODE_INVALID: 'Неверный код. Проверьте его и введите ещё раз.',
    MFA_CODE_INVALID: 'Неверный код. Проверьте его и введите ещё раз.',
    TIMEOUT_EXCEEDED: 'Время действия кода истекло. Запросите новый.',
    INACTIVE_CODE_ERROR: 'Этот код больше не действует. Запросите новый.',
  };
  const FLOOD = ['MFA_SEND_FLOOD', 'MFA_CODE_TOO_MANY_SEND'];
  const UNKNOWN_PHONE = ['CREDENTIALS_INVALID', 'FAILED', 'PHONE_NOT_FOUND'];
  const ROBOT = 'Подтвердите, что вы не робот.';
  const WALL = 'Доступ временно ограничен: портал не пропустил запрос. Попробуйте позже.';
  const DOWN = 'Портал сейчас не отвечает. Попробуйте позже.';
  const OFFLINE = 'Нет связи с порталом. Проверьте сеть и попробуйте ещё раз.';
  const STRANGE = 'Портал ответил непонятно. Попробуйте ещё раз.';

  // ---- errors and notes: in the document only while they hold -------------------------------------------------

  function clearMessages() {
    clearInterval(countdown);
    part('alerts').replaceChildren();
    for (const input of Object.values(shown)) clearFieldError(input);
  }

  function clearFieldError(input) {
    if (!input.hasAttribute('aria-invalid')) return;
    input.removeAttribute('aria-invalid');
    input.removeAttribute('aria-errormessage');
    document.getElementById('field_error')?.remove();
  }

  function showError(text) {
    const alert = piece('general-error');
    alert.textContent = text;
    part('alerts').replaceChildren(alert);
    return alert;
  }

  function showFieldError(input, text) {
    const help = piece('field-error');
    help.id = 'field_error';
    help.textContent = text;
    input.setAttribute('aria-invalid', 'true');
    input.setAttribute('aria-errormessage', help.id);
    (input.closest('[data-field]') ?? fields.firstElementChild).append(help);
    input.addEventListener('input', () => clearFieldError(input), { once: true });
    input.focus();
    if (input === shown.code) input.select();
    return help;
  }

  // An error of a kind, in the element that the settings say: below the step's field, or above all of them.
  function tell(kind, text) {
    const input = shown.code ?? shown.password ?? shown.phone ?? shown.email ?? shown.choice;
    return settings.errors?.[kind] === 'help' && input ? showFieldError(input, text) : showError(text);
  }

  function showNote(text) {
    const note = piece('note');
    note.textContent = text;
    part('alerts').replaceChildren(note);
  }

  // An error that ends by itself: counts down and goes away.
  function showPause(text, seconds) {
    if (!(seconds > 0)) {
      tell('flood', `${text} Повторите позже.`);
      return;
    }
    const alert = tell('flood', `${text} Повторите через `);
    const timer = document.createElement('span');
    timer.className = 'timer';
    timer.setAttribute('role', 'timer');
    alert.append(timer, '.');
    const resend = part('actions').querySelector('[data-action="resend"]');
    if (resend) resend.disabled = true;
    const end = performance.now() + seconds * 1000;
    const tick = () => {
      const left = Math.ceil((end - performance.now()) / 1000);
      if (left > 0) {
        timer.textContent = left < 60 ? `${left} с` : `${Math.floor(left / 60)} мин ${left % 60} с`;
        return;
      }
      clearInterval(countdown);
      if (alert.isConnected) clearMessages();
      if (resend) resend.disabled = false;
    };
    tick();
    countdown = setInterval(tick, 250);
  }

  // ---- talking to the portal ----------------------------------------------------------------------------------

  function setBusy(on) {
    busy = on;
    submit.classList.toggle(submit.dataset.busy, on);
    submit.setAttribute('aria-busy', String(on));
  }

  // Posts JSON; `settle` gets the status and the parsed body (undefined when it is not JSON).
  function post(path, body, settle) {
    setBusy(true);
    const request = new XMLHttpRequest();
    request.open('POST', path);
    request.setRequestHeader('Content-Type', 'application/json');
    request.setRequestHeader('Accept', 'application/json, text/plain, */*');
    request.onload = () => {
      let answer;
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        answer = undefined;
      }
      setBusy(false);
      settle(request.status, answer);
    };
    request.onerror = request.ontimeout = () => {
      setBusy(false);
      showError(OFFLINE);
    };
    request.timeout = 60000;
    request.send(JSON.stringify(body));
  }

  function send(body, onCode) {
    if (!human) {
      waiting = () => send(body, onCode);
      tell('other', ROBOT);
      return;
    }
    post('/api/p/login', body, (status, answer) => {
      if (status === 200 && typeof answer?.redirectUrl === 'string') leave(answer.redirectUrl);
      else if (status === 200 && answer?.su) showChoice(answer.su);
      else if (status === 200 && answer?.phone) onCode('sms', answer.phone);
      else if (status === 200 && answer?.email) onCode('email', answer.email);
      else fail(status, answer);
    });
  }

  function fail(status, answer) {
    const code = answer?.errorCode;
    const pause = answer?.errorData?.breakTimeSeconds;
    if (FLOOD.includes(code)) showPause('Слишком много запросов.', pause);
    else if (code && pause > 0) showPause(GENERAL[code] ?? `Не удалось войти (${code}).`, pause);
    else if (login.step === 'code' && code in ABOUT_CODE) tell('code', ABOUT_CODE[code]);
    else if (code === 'MFA_CODE_ATTEMPT_LIMIT') {
      restart();
      tell('other', GENERAL[code]);
    } else if (login.step === 'phone' && UNKNOWN_PHONE.includes(code)) tell('phone', 'По этому номеру войти нельзя. Проверьте его.');
    else if (code) tell(code === 'CREDENTIALS_INVALID' ? 'credentials' : 'other', GENERAL[code] ?? `Не удалось войти (${code}).`);
    else if (answer === undefined && (status === 403 || status === 429)) showError(WALL);
    else showError(status >= 500 ? DOWN : STRANGE);
    if (code === 'CREDENTIALS_INVALID' && shown.password) {
      shown.password.focus();
      shown.password.select();
    }
  }

  function leave(redirectUrl) {
    const target = new URL(redirectUrl, location.href);
    if (target.protocol !== 'http:' && target.protocol !== 'https:') {
      showError(STRANGE);
      return;
    }
    setBusy(true);
    location.assign(target.href);
  }

  // ---- steps --------------------------------------------------------------------------------------------------

  // Adds a piece that holds one input and remembers the input under the piece's name.
  function add(name) {
    const field = piece(name);
    field.dataset.field = name;
    fields.append(field);
    shown[name] = field.querySelector('input');
    if (settings.renamed === name) rename(name, field);
    return field;
  }

  // A field as after a small redesign: another id and name, and when bare nothing else to know it by.
  function rename(name, field) {
    const input = shown[name];
    input.id = `renamed_${name}_field`;
    input.name = `renamed_${name}`;
    const label = field.querySelector('label');
    if (label.htmlFor) label.htmlFor = input.id;
    delete input.dataset.settable;
    if (!settings.renamedBare) return;
    for (const mark of ['placeholder', 'autocomplete', 'inputmode', 'autocapitalize', 'aria-describedby']) input.removeAttribute(mark);
    if (input.type !== 'checkbox') {
      if (input.type === 'password') input.style.webkitTextSecurity = 'disc';
      input.type = 'text';
      label.textContent = 'Поле';
    }
    field.dataset.field = 'other';
  }

  function enter(step, label, actions = {}) {
    login.step = step;
    submit.textContent = submit.dataset[label];
    tabs.hidden = step === 'code' || step === 'choice';
    part('actions').replaceChildren(...Object.entries(actions).map(([name, [text, run]]) => {
      const action = piece('action');
      action.dataset.action = name;
      action.textContent = text;
      action.addEventListener('click', () => !busy && run());
      return action;
    }));
  }

  function blank() {
    clearMessages();
    shown = {};
    fields.replaceChildren();
  }

  function showEmail() {
    blank();
    add('email');
    shown.email.value = login.email;
    enter('email', 'next');
    markTab('tab-email');
  }

  function showPassword() {
    add('password');
    add('remember');
    shown.remember.checked = login.remember;
    enter('password', 'enter');
    shown.password.focus();
  }

  function showPhone() {
    blank();
    add('phone');
    maskPhone(shown.phone);
    shown.phone.value = login.phone;
    enter('phone', 'next');
    markTab('tab-phone');
  }

  function showCode(channel, destination) {
    blank();
    login.channel = channel;
    const field = add('code');
    if ('settable' in shown.code.dataset) {
      shown.code.id = settings.codeId;
      shown.code.name = settings.codeName;
      field.querySelector('label').htmlFor = settings.codeId;
    }
    if (channel === 'sms') {
      shown.code.inputMode = 'numeric';
      shown.code.maxLength = settings.smsLength;
    }
    const to = document.createElement('span');
    to.textContent = destination;
    if (channel === 'sms') to.style.whiteSpace = 'nowrap';
    part('sent-to', field).append(...(channel === 'sms'
      ? ['Мы отправили сообщение с кодом на номер телефона ', to, ', введите код из SMS']
      : ['Мы отправили письмо с кодом на почту ', to, ', введите код из письма']));
    shown.code.addEventListener('paste', (event) => {
      event.preventDefault();
      const text = event.clipboardData.getData('text').replace(/\s+/g, '').slice(0, shown.code.maxLength);
      shown.code.value = text;
      shown.code.dispatchEvent(new Event('input', { bubbles: true }));
    });
    if (channel === 'email') {
      add('remember');
      shown.remember.checked = login.remember;
    }
    enter('code', 'confirm', {
      resend: ['Отправить код ещё раз', resend],
      restart: ['Начать заново', restart],
    });
    shown.code.focus();
  }

  function showChoice(su) {
    const list = Array.isArray(su) ? su : Object.values(su).find(Array.isArray) ?? [];
    if (list.length === 0) {
      showError(GENERAL.NO_MERCHANTS);
      return;
    }
    blank();
    const choice = piece('choice');
    choice.dataset.field = 'choice';
    for (const entry of list) {
      const item = piece('choice-item');
      const option = typeof entry === 'object' ? entry : { uid: entry };
      const merchant = option.uid ?? option.merchantUid;
      const id = String(merchant ?? option.id);
      const input = item.querySelector('input');
      input.value = id;
      input.dataset.key = merchant === undefined ? '_s_u' : '_s_m';
      part('choice-name', item).textContent = option.name ?? id;
      part('choice-id', item).textContent = option.name ? `ID - ${id}` : '';
      choice.append(item);
    }
    fields.append(choice);
    shown.choice = choice.querySelector('input');
    choice.addEventListener('change', () => clearFieldError(shown.choice));
    enter('choice', 'choose', { restart: ['Начать заново', restart] });
    shown.choice.focus();
  }

  function restart() {
    if (login.channel === 'sms' || login.step === 'phone') showPhone();
    else showEmail();
    login.channel = '';
    (shown.phone ?? shown.email).focus();
  }

  function resend() {
    clearMessages();
    const again = () => {
      showNote('Новый код отправлен.');
      shown.code.value = '';
      shown.code.focus();
    };
    if (login.channel === 'sms') send({ _ph: login.phone }, again);
    else {
      post('/api/p/mfa/send', { _u: login.email }, (status, answer) => {
        if (status >= 200 && status < 300 && !answer?.errorCode) again();
        else fail(status, answer);
      });
    }
  }

  const SUBMIT = {
    email() {
      login.email = shown.email.value.trim();
      if (login.email === '') showFieldError(shown.email, 'Введите email');
      else showPassword();
    },
    password() {
      login.email = shown.email.value.trim();
      login.remember = shown.remember.checked;
      if (login.email === '') showFieldError(shown.email, 'Введите email');
      else if (shown.password.value === '') showFieldError(shown.password, 'Введите пароль');
      else send({ _u: login.email, _p: shown.password.value, _r_d: login.remember }, showCode);
    },
    phone() {
      login.phone = shown.phone.value;
      if (!/^\+7 \(\d{3}\) \d{3}-\d{2}-\d{2}$/.test(login.phone)) {
        showFieldError(shown.phone, 'Введите номер полностью: +7 (7XX) XXX-XX-XX');
      } else send({ _ph: login.phone }, showCode);
    },
    code() {
      const code = shown.code.value.trim();
      if (shown.remember) login.remember = shown.remember.checked;
      if (code === '') showFieldError(shown.code, 'Введите код');
      else if (login.channel === 'sms') send({ _c: code }, showCode);
      else send({ _u: login.email, _m_c: code, _r_d: login.remember }, showCode);
    },
    choice() {
      const chosen = fields.querySelector('input:checked');
      if (!chosen) showFieldError(shown.choice, 'Выберите магазин из списка');
      else {
        const choice = { [chosen.dataset.key]: chosen.value };
        send(login.channel === 'sms' ? choice : { _u: login.email, ...choice }, showCode);
      }
    },
  };

  // ---- the phone mask: +7 (7XX) XXX-XX-XX -----------------------------------------------------------------------

  // Takes 7XXXXXXXXXX, 8XXXXXXXXXX, +7XXXXXXXXXX or the ten digits alone, key by key or all at once. A leading 7 may be the
  // country's or the operator's: it is kept until an eleventh digit tells.
  function maskPhone(input) {
    let before = '';
    let countryGiven = false;
    const apply = (event) => {
      const raw = input.value;
      if (raw === before) return;
      const digitsAfterCaret = raw.slice(input.selectionEnd).replace(/\D/g, '').length;
      const masked = before.startsWith('+7') && raw.startsWith('+7');
      let digits = raw.replace(/\D/g, '');
      if (masked) digits = digits.slice(1);
      else {
        countryGiven = digits[0] === '8' || (raw.trim().startsWith('+') && digits[0] === '7');
        if (countryGiven) digits = digits.slice(1);
      }
      if (!countryGiven && digits.length > 10 && digits[0] === '7') {
        countryGiven = true;
        digits = digits.slice(1);
      }
      digits = digits.slice(0, 10);
      const erasing = event.inputType?.startsWith('delete');
      if (digits !== '') before = draw(digits);
      else if (countryGiven && !erasing) before = '+7 (';
      else before = raw.trim() === '+' && !erasing ? '+' : '';
      if (before === '') countryGiven = false;
      if (raw === before) return;
      input.value = before;
      if (document.activeElement === input) {
        let at = before.length;
        for (let left = digitsAfterCaret; left > 0 && at > 0; at -= 1) if (/\d/.test(before[at - 1])) left -= 1;
        input.setSelectionRange(at, at);
      }
    };
    input.addEventListener('input', apply);
    input.addEventListener('change', apply);
  }

  function draw(digits) {
    let text = `+7 (${digits.slice(0, 3)}`;
    if (digits.length > 3) text += `) ${digits.slice(3, 6)}`;
    if (digits.length > 6) text += `-${digits.slice(6, 8)}`;
    if (digits.length > 8) text += `-${digits.slice(8)}`;
    return text;
  }

  // ---- proof and captcha ----------------------------------------------------------------------------------------

  // A cookie that only a client has which ran this script.
  function prove() {
    if (!settings.proof) return;
    let sum = 7;
    for (const letter of settings.proof.seed) sum = (sum * 31 + letter.codePointAt(0)) % 1000003;
    document.cookie = `${settings.proof.cookie}=${settings.proof.seed}.${sum}; path=/; samesite=lax`;
  }

  function showCaptcha() {
    const captcha = piece('captcha');
    if (settings.captcha === 'picture') captcha.replaceChildren(...pictureOf());
    else if (settings.captcha === 'passable') {
      const frame = captcha.querySelector('iframe');
      frame.removeAttribute('sandbox');
      frame.removeAttribute('srcdoc');
      frame.removeAttribute('tabindex');
      frame.src = '/captcha';
    }
    submit.before(captcha);
    if (!human) askState(captcha);
  }

  function pictureOf() {
    const picture = document.createElement('img');
    picture.src = '/captcha/picture';
    picture.alt = 'Слово на картинке';
    const word = document.createElement('input');
    word.id = 'captcha_field';
    word.name = 'captcha';
    word.placeholder = 'Слово на картинке';
    word.autocomplete = 'off';
    word.addEventListener('change', () => {
      const request = new XMLHttpRequest();
      request.open('POST', '/captcha/answer');
      request.setRequestHeader('Content-Type', 'application/json');
      request.onload = () => { if (request.status !== 200) word.value = ''; };
      request.send(JSON.stringify({ word: word.value }));
    });
    return [picture, word];
  }

  // Answers when the captcha was passed: the login goes on where it was held back.
  function askState(captcha) {
    const request = new XMLHttpRequest();
    request.open('GET', '/captcha/state');
    request.onload = () => {
      if (request.status !== 200) return;
      human = true;
      captcha.remove();
      clearMessages();
      const held = waiting;
      waiting = null;
      held?.();
    };
    request.send();
  }

  // ---- tabs and start -------------------------------------------------------------------------------------------

  function markTab(chosen) {
    for (const name of ['tab-phone', 'tab-email']) {
      const tab = part(name);
      const on = name === chosen;
      tab.setAttribute('aria-selected', String(on));
      tab.tabIndex = on ? 0 : -1;
      tab.parentElement.classList.toggle(tabs.dataset.active, on);
      if (on) part('panel').setAttribute('aria-labelledby', tab.id);
    }
  }

  function openTab(name) {
    if (busy || part(name).getAttribute('aria-selected') === 'true') return;
    if (shown.email) login.email = shown.email.value.trim();
    if (shown.phone) login.phone = shown.phone.value;
    if (name === 'tab-phone') showPhone();
    else showEmail();
  }

  function readJson(id) {
    try {
      return JSON.parse(document.getElementById(id).textContent);
    } catch {
      return {};
    }
  }

  for (const name of ['tab-phone', 'tab-email']) {
    const tab = part(name);
    tab.addEventListener('click', (event) => {
      event.preventDefault();
      openTab(name);
      (shown.phone ?? shown.email).focus();
    });
    tab.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' || event.key === ' ') {
        event.preventDefault();
        tab.click();
      } else if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
        const other = name === 'tab-phone' ? 'tab-email' : 'tab-phone';
        openTab(other);
        part(other).focus();
      }
    });
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (busy) return;
    clearMessages();
    SUBMIT[login.step]();
  });
  addEventListener('pageshow', (event) => event.persisted && setBusy(false));
  for (const link of document.querySelectorAll('[data-link]')) {
    if (origins[link.dataset.link]) link.href = `${origins[link.dataset.link]}/`;
  }
  prove();
  if (settings.captcha) showCaptcha();
  showEmail();
  shown.email.focus();
  document.currentScript.remove();
})();
