// The cabinet's shell: the same document for everyone. It asks the cabinet who is signed in and either shows
// the cabinet or goes to the login through the kick-off of OAuth2.
(function () {
  'use strict';

  const origins = JSON.parse(document.getElementById('origins').textContent);
  const app = document.getElementById('app');
  const state = { merchants: [], uid: '', names: {}, view: 0 };
  let pending = 0;

  // ---- small helpers ------------------------------------------------------------------------------------------

  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, '');
      else if (value !== false && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== undefined && child !== ''));
    return node;
  }

  function loading(change) {
    pending += change;
    const overlay = document.querySelector('.loading-overlay');
    if (pending > 0 && !overlay) {
      document.body.append(el('div', { class: 'loading-overlay is-active is-full-page', role: 'status', 'aria-label': 'Загрузка' },
        el('div', { class: 'loader' })));
    } else if (pending === 0) overlay?.remove();
  }

  const AMOUNTS = ['Сумма', 'Цена'];
  const tenge = (amount) => (Number.isFinite(Number(amount)) ? `${Number(amount).toLocaleString('ru-RU')} ₸` : '—');
  const cell = (label, content, kind) => el('td', { 'data-label': label, class: kind }, content ?? '—');

  // ---- talking to the cabinet ---------------------------------------------------------------------------------

  // Resolves to {status, body}; a dead session leaves for the login and never resolves.
  function call(method, path, body) {
    return new Promise((resolve) => {
      loading(1);
      const request = new XMLHttpRequest();
      request.open(method, origins.cabinet + path);
      request.withCredentials = true;
      request.setRequestHeader('x-auth-version', '3');
      request.setRequestHeader('Accept', 'application/json, text/plain, */*');
      if (body) request.setRequestHeader('Content-Type', 'application/json');
      request.onload = () => {
        if (request.status === 401) {
          kickOff();
          return;
        }
        loading(-1);
        let answer;
        try {
          answer = JSON.parse(request.responseText);
        } catch {
          answer = undefined;
        }
        resolve({ status: request.status, body: answer });
      };
      request.onerror = () => {
        loading(-1);
        resolve({ status: 0, body: undefined });
      };
      request.send(body && JSON.stringify(body));
    });
  }

  async function graphql(operationName, query, variables) {
    const { status, body } = await call('POST', `/mc/facade/graphql?opName=${operationName}`, { operationName, variables, query });
    if (status !== 200 || !body?.data || body.errors) throw new Error(body?.errors?.[0]?.message ?? `Ответ ${status}`);
    return body.data;
  }

  // Goes to the login. A shell that the kick-off sends straight back without a session would turn in circles,
  // so the third return in a row stops and says so. Any other way in (a link, the address bar, the login form) starts anew.
  function kickOff() {
    const key = 'kick-offs';
    const returned = document.referrer.startsWith(`${location.origin}/`);
    const tries = returned ? Number(sessionStorage.getItem(key) ?? 0) : 0;
    if (tries >= 3) {
      sessionStorage.removeItem(key);
      loading(-pending);
      notice('Сеанс не открылся', 'Портал несколько раз вернул браузер в кабинет без сеанса. Попробуйте войти заново.',
        el('a', { class: 'button is-primary', href: `${origins.login}/login` }, 'Войти заново'));
      return;
    }
    sessionStorage.setItem(key, String(tries + 1));
    location.assign(`${origins.cabinet}/oauth2/authorization/1`);
  }

  function notice(title, text, action) {
    app.replaceChildren(el('main', { class: 'notice' },
      el('div', { role: 'alert' }, el('h1', {}, title), el('p', { class: 'lede' }, text), action)));
  }

  // ---- the frame ----------------------------------------------------------------------------------------------

  const PAGES = [['#/orders', 'Заказы'], ['#/offers', 'Управление товарами'], ['#/settings', 'Настройки']];

  function frame() {
    const chooser = state.merchants.length > 1
      ? el('div', { class: 'select' }, el('select', {
        'aria-label': 'Магазин', 'data-testid': 'merchant-select',
        onchange: (event) => choose(event.target.value),
      }, ...state.merchants.map(({ uid }) => el('option', { value: uid, selected: uid === state.uid }, uid))))
      : undefined;
    const navbar = el('nav', { class: 'navbar', 'aria-label': 'Кабинет' },
      el('div', { class: 'navbar-brand' }, el('span', { class: 'mark', 'aria-hidden': 'true' }, 'S'), 'Кабинет продавца'),
      el('div', { class: 'navbar-menu' }, ...PAGES.map(([href, text]) => el('a', { class: 'navbar-item', href }, text))),
      el('div', { class: 'navbar-end' }, chooser, state.uid && el('span', { class: 'merchant-id' }, `ID - ${state.uid}`)));
    app.replaceChildren(navbar, el('main', { class: 'wrap', id: 'view', tabindex: '-1' }));
    if (chooser) nameMerchants(chooser.firstChild);
  }

  async function nameMerchants(select) {
    for (const option of select.options) {
      try {
        option.textContent = `${(await merchant(option.value)).name} · ${option.value}`;
      } catch { /* the number stays */ }
    }
  }

  function choose(uid) {
    state.uid = uid;
    sessionStorage.setItem('merchant', uid);
    document.querySelector('.merchant-id').textContent = `ID - ${uid}`;
    route();
  }

  // Shows what `build` resolves to unless the person has gone elsewhere meanwhile.
  async function show(build) {
    state.view += 1;
    const mine = state.view;
    let content;
    try {
      content = await build();
    } catch (error) {
      content = [el('div', { class: 'notification is-danger', role: 'alert' }, `Не удалось загрузить: ${error.message}`)];
    }
    if (mine === state.view) document.getElementById('view')?.replaceChildren(...content);
  }

  function route() {
    const [path, query = ''] = location.hash.split('?');
    for (const link of document.querySelectorAll('.navbar-item')) {
      const here = path.startsWith(link.getAttribute('href')) || (link.hash === '#/orders' && !PAGES.some(([page]) => path.startsWith(page)));
      link.classList.toggle('is-active', here);
      if (here) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    const parameters = new URLSearchParams(query);
    if (path.startsWith('#/settings')) show(() => (parameters.get('activeTab') === '5' ? tokenPage() : settingsPage()));
    else if (path.startsWith('#/offers')) show(() => offersPage(parameters));
    else show(() => ordersPage(parameters));
  }

  function pager(route, parameters, page, pages) {
    const to = (target) => {
      const next = new URLSearchParams(parameters);
      next.set('page', String(target));
      return `${route}?${next}`;
    };
    return el('div', { class: 'pager' },
      page > 0 ? el('a', { class: 'button is-small', href: to(page - 1) }, 'Назад') : undefined,
      el('span', {}, `Страница ${page + 1} из ${Math.max(pages, 1)}`),
      page + 1 < pages ? el('a', { class: 'button is-small', href: to(page + 1) }, 'Дальше') : undefined);
  }

  function table(heads, rows, empty) {
    return el('div', { class: 'table-wrapper' }, el('table', { class: 'table is-striped' },
      el('thead', {}, el('tr', {}, ...heads.map((head) => el('th', { scope: 'col', class: AMOUNTS.includes(head) ? 'is-number' : undefined }, head)))),
      el('tbody', { 'data-empty': empty }, ...rows)));
  }

  // ---- pages --------------------------------------------------------------------------------------------------

  async function merchant(id) {
    state.names[id] ??= graphql('getMerchant', 'query getMerchant($id: String!) { merchant(id: $id) { id name logo { url } } }', { id })
      .then((data) => data.merchant)
      .catch((error) => {
        delete state.names[id];
        throw error;
      });
    return state.names[id];
  }

  const ORDER_FILTERS = [
    ['NEW', 'Новые'], ['SIGN_REQUIRED', 'На подписи'], ['PICKUP', 'Самовывоз'], ['DELIVERY', 'Своя доставка'],
    ['KASPI_DELIVERY', 'Доставка портала'], ['ARCHIVE', 'Архив'],
  ];
  const ORDERS_QUERY = 'query getOrders($merchantUid: String!, $page: Int!, $size: Int!, $input: OrderTabInput!) { '
    + 'merchant(id: $merchantUid) { orders { orders(input: $input, page: $page, size: $size) { total orders { '
    + 'code creationDate totalPrice state status } } } } }';

  async function ordersPage(parameters) {
    const page = Number(parameters.get('page') ?? 0);
    const filter = parameters.get('status') ?? 'NEW';
    const code = parameters.get('code') ?? '';
    const data = await graphql('getOrders', ORDERS_QUERY, {
      merchantUid: state.uid, size: 10, page,
      input: { presetFilter: filter, orderCode: code, cityId: '' },
      advancedInput: { orderCode: '', phoneNumber: '', productCode: '' },
      withAdvancedOrders: false,
    });
    const { total = 0, orders = [] } = data.merchant?.orders?.orders ?? {};
    const search = el('input', {
      class: 'input', type: 'search', placeholder: 'Номер заказа', 'aria-label': 'Номер заказа',
      onchange: (event) => { location.hash = `#/orders?status=${filter}&code=${encodeURIComponent(event.target.value.trim())}`; },
    });
    search.value = code;
    const rows = orders.map((order) => el('tr', {},
      cell('Номер заказа', order.code),
      cell('Дата', order.creationDate && new Date(order.creationDate).toLocaleString('ru-RU')),
      cell('Статус', el('span', { class: 'tag' }, order.status ?? order.state ?? filter)),
      cell('Сумма', tenge(order.totalPrice), 'is-number')));
    return [
      el('div', { class: 'toolbar' }, el('h1', {}, 'Заказы'), search),
      el('div', { class: 'filters' }, ...ORDER_FILTERS.map(([value, text]) => el('a', {
        class: `button is-small ${value === filter ? 'is-primary' : ''}`, href: `#/orders?status=${value}`,
        'aria-current': value === filter && 'true',
      }, text))),
      table(['Номер заказа', 'Дата', 'Статус', 'Сумма'], rows, 'Заказов нет.'),
      pager('#/orders', parameters, page, Math.ceil(total / 10)),
    ];
  }

  async function offersPage(parameters) {
    const page = Number(parameters.get('page') ?? 0);
    const active = parameters.get('available') !== 'false';
    const text = parameters.get('t') ?? '';
    const query = new URLSearchParams({ m: state.uid, p: page, l: 10, a: active, t: text, c: '', lowStock: false });
    const { status, body } = await call('GET', `/bff/offer-view/list?${query}`);
    if (status !== 200 || !Array.isArray(body?.data)) throw new Error(`Ответ ${status}`);
    const search = el('input', {
      class: 'input', type: 'search', placeholder: 'Поиск', 'aria-label': 'Поиск',
      onchange: (event) => { location.hash = `#/offers?available=${active}&t=${encodeURIComponent(event.target.value.trim())}`; },
    });
    search.value = text;
    const rows = body.data.map((offer) => el('tr', {},
      cell('Артикул', el('code', {}, offer.sku)),
      cell('Товар', offer.masterTitle ?? offer.title ?? offer.model),
      cell('Бренд', offer.brandName ?? offer.brand),
      cell('В продаже', el('span', { class: `tag ${active ? 'is-success' : ''}` }, active ? 'Да' : 'Нет')),
      cell('Цена', tenge(offer.price ?? offer.minPrice), 'is-number')));
    const filter = (value, label) => el('a', {
      class: `button is-small ${value === active ? 'is-primary' : ''}`, href: `#/offers?available=${value}`,
      'aria-current': value === active && 'true',
    }, label);
    return [
      el('div', { class: 'toolbar' }, el('h1', {}, 'Управление товарами'), search),
      el('div', { class: 'filters' }, filter(true, 'В продаже'), filter(false, 'Сняты с продажи')),
      table(['Артикул', 'Товар', 'Бренд', 'В продаже', 'Цена'], rows, 'Товаров нет.'),
      pager('#/offers', parameters, page, Math.ceil((body.total ?? 0) / 10)),
    ];
  }

  function settingsTabs(active) {
    return el('div', { class: 'filters' }, ...[['#/settings', 'Магазин'], ['#/settings?activeTab=5', 'Токен API']].map(([href, text], index) => el('a', {
      class: `button is-small ${index === active ? 'is-primary' : ''}`, href, 'aria-current': index === active && 'page',
    }, text)));
  }

  async function settingsPage() {
    const shop = await merchant(state.uid);
    if (!shop) throw new Error('магазин не найден');
    return [
      el('h1', {}, 'Настройки'), settingsTabs(0),
      el('section', { class: 'card' }, el('h2', {}, 'Магазин'), el('dl', { class: 'facts' },
        el('dt', {}, 'Название'), el('dd', { 'data-testid': 'merchant-name' }, shop.name),
        el('dt', {}, 'Номер'), el('dd', {}, shop.id),
        el('dt', {}, 'Логотип'), el('dd', {}, shop.logo?.url ?? 'нет'))),
    ];
  }

  async function tokenPage() {
    const data = await graphql('getTokenApi', 'query getTokenApi($id: String!) { merchant(id: $id) { id integration { token } } }', { id: state.uid });
    const field = el('input', { class: 'input', type: 'text', readonly: true, 'aria-label': 'Токен API', placeholder: 'Токена ещё нет' });
    field.value = data.merchant?.integration?.token ?? '';
    const generate = async () => {
      const made = await graphql('tokenGenerate', 'mutation tokenGenerate($merchantId: String!) { tokenGenerate(merchantId: $merchantId) }', { merchantId: state.uid });
      field.value = made.tokenGenerate;
    };
    return [
      el('h1', {}, 'Настройки'), settingsTabs(1),
      el('section', { class: 'card' }, el('h2', {}, 'Токен API'), el('div', { class: 'token__field' }, field,
        el('button', {
          class: 'button', type: 'button',
          onclick: () => generate().catch((error) => show(() => Promise.reject(error))),
        }, 'Сформировать'))),
    ];
  }

  // ---- start --------------------------------------------------------------------------------------------------

  async function start() {
    const { status, body } = await call('GET', '/s/m');
    const merchants = body?.merchants;
    if (status !== 200 || !Array.isArray(merchants)) {
      notice('Кабинет недоступен', status === 0 ? 'Нет связи с порталом.' : `Портал ответил кодом ${status}.`,
        el('button', { class: 'button is-primary', type: 'button', onclick: () => location.reload() }, 'Обновить'));
      return;
    }
    sessionStorage.removeItem('kick-offs');
    state.merchants = merchants;
    if (merchants.length === 0) {
      frame();
      document.getElementById('view').append(el('h1', {}, 'Магазинов нет'), el('p', { class: 'lede' }, 'У этой учётной записи нет ни одного магазина.'));
      return;
    }
    const remembered = sessionStorage.getItem('merchant');
    state.uid = merchants.some(({ uid }) => uid === remembered) ? remembered : merchants[0].uid;
    frame();
    addEventListener('hashchange', route);
    route();
  }

  start();
  document.currentScript.remove();
})();
