# Why a store's session is as it is, who must act, and when it is tried again.

cause-alive = The session is alive.
cause-never-signed-in = Nobody has signed in to this store yet.
cause-foreign-session = Another program has stored the session. It is checked, but nobody knows how old it is.
cause-dead-unmended = The session has ended, and it could not be renewed yet.
cause-portal-unavailable = The session has ended, and the Kaspi portal could not be reached to renew it.
cause-refreshing = The session is being renewed right now.

cause-sso-alive = The portal still remembers the sign-in: the session can be renewed without a password.
cause-has-password-and-device = The session can be renewed with the stored password: the portal knows this device and asks for no code.
cause-has-password = The session can be renewed with the stored password.
cause-has-code-source = The session can be renewed: the code that the portal sends is read automatically.
cause-needs-code-sms = The portal will send a code by SMS, and nobody is there to enter it.
cause-needs-code-email = The portal will send a code by e-mail, and nobody is there to enter it.
cause-no-credentials = No password is stored for this store.
cause-credentials-rejected = The portal did not accept the stored password.
cause-account-locked = The portal has locked the account for a while, or asked to wait.
cause-portal-changed = The portal looks different from what is expected, so the service does not sign in by itself.
cause-frozen = Automatic sign-ins are paused: several stores have failed in the same way.
cause-attempts-exhausted = The sign-in attempts that this account may make are used up for now.
cause-quiet-hours = A code is needed to sign in, and none is asked for at night.
cause-account-mismatch = The stored sign-in details open another merchant's cabinet.
cause-inactive = The store is switched off.

act-nobody = Nothing needs to be done: the service takes care of it.
act-merchant = The merchant must sign in again.
act-operator = The operator of the service must act.
act-portal = Nothing can be done now: it passes by itself with time.

since = Since { $at }, { ago }.
next-try = Next automatic try: { $at }, { ahead }.
no-next-try = No automatic try is planned.

ago = { $unit ->
        [days] { $count ->
            [one] { $count } day
           *[other] { $count } days
        }
        [hours] { $count ->
            [one] { $count } hour
           *[other] { $count } hours
        }
       *[minutes] { $count ->
            [one] { $count } minute
           *[other] { $count } minutes
        }
    } ago
ahead = in { $unit ->
        [days] { $count ->
            [one] { $count } day
           *[other] { $count } days
        }
        [hours] { $count ->
            [one] { $count } hour
           *[other] { $count } hours
        }
       *[minutes] { $count ->
            [one] { $count } minute
           *[other] { $count } minutes
        }
    }
date = { $day } { $month ->
        [1] January
        [2] February
        [3] March
        [4] April
        [5] May
        [6] June
        [7] July
        [8] August
        [9] September
        [10] October
        [11] November
       *[12] December
    } { $year }, { $time } (UTC+5)
