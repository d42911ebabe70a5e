# Why a store's session is as it is, who must act, and when it is tried again.

cause-alive = Сессия активна.
cause-never-signed-in = В этот магазин ещё никто не входил.
cause-foreign-session = Сессию сохранила другая программа. Сессия проверяется, но когда она началась, неизвестно.
cause-dead-unmended = Сессия завершилась, и обновить её пока не удалось.
cause-portal-unavailable = Сессия завершилась, а обновить её не удалось: портал Kaspi недоступен.
cause-refreshing = Сессия обновляется прямо сейчас.

cause-sso-alive = Портал ещё помнит вход: сессию можно обновить без пароля.
cause-has-password-and-device = Сессию можно обновить по сохранённому паролю: портал знает это устройство и не запросит код.
cause-has-password = Сессию можно обновить по сохранённому паролю.
cause-has-code-source = Сессию можно обновить: код, который пришлёт портал, читается автоматически.
cause-needs-code-sms = Портал пришлёт код по SMS, а ввести его некому.
cause-needs-code-email = Портал пришлёт код на электронную почту, а ввести его некому.
cause-no-credentials = Для этого магазина не сохранён пароль.
cause-credentials-rejected = Портал не принял сохранённый пароль.
cause-account-locked = Портал временно заблокировал аккаунт или просит подождать.
cause-portal-changed = Портал выглядит не так, как ожидалось, поэтому сервис не входит сам.
cause-frozen = Автоматический вход приостановлен: несколько магазинов не смогли войти по одной и той же причине.
cause-attempts-exhausted = Разрешённые попытки входа для этого аккаунта пока исчерпаны.
cause-quiet-hours = Для входа нужен код, а ночью сервис его не запрашивает.
cause-account-mismatch = Сохранённые данные для входа открывают кабинет другого продавца.
cause-inactive = Магазин отключён.

act-nobody = Ничего делать не нужно: сервис справится сам.
act-merchant = Продавцу нужно войти заново.
act-operator = Нужно вмешательство администратора сервиса.
act-portal = Сейчас ничего сделать нельзя: со временем это пройдёт само.

since = С { $at }, { ago }.
next-try = Следующая автоматическая попытка: { $at }, { ahead }.
no-next-try = Автоматических попыток не запланировано.

ago = уже { $unit ->
        [days] { $count ->
            [one] { $count } день
            [few] { $count } дня
           *[other] { $count } дней
        }
        [hours] { $count ->
            [one] { $count } час
            [few] { $count } часа
           *[other] { $count } часов
        }
       *[minutes] { $count ->
            [one] { $count } минуту
            [few] { $count } минуты
           *[other] { $count } минут
        }
    }
ahead = через { $unit ->
        [days] { $count ->
            [one] { $count } день
            [few] { $count } дня
           *[other] { $count } дней
        }
        [hours] { $count ->
            [one] { $count } час
            [few] { $count } часа
           *[other] { $count } часов
        }
       *[minutes] { $count ->
            [one] { $count } минуту
            [few] { $count } минуты
           *[other] { $count } минут
        }
    }
date = { $day } { $month ->
        [1] января
        [2] февраля
        [3] марта
        [4] апреля
        [5] мая
        [6] июня
        [7] июля
        [8] августа
        [9] сентября
        [10] октября
        [11] ноября
       *[12] декабря
    } { $year } г., { $time } (UTC+5)
