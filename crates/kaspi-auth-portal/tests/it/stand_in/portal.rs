//! The portal of the stand-in: one person with every way in, and the choices that the sandbox does not make.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::wire::{Asked, Say};

/// Where the contract is open.
#[expect(clippy::struct_excessive_bools, reason = "each is an answer to a question of its own")]
#[derive(Clone)]
pub struct Choices {
    /// The login endpoint says `FAILED` to whoever comes without its cookie (F3's claim).
    pub wants_cookie: bool,
    /// The cookie comes with the login page; otherwise only with an authorization request.
    pub page_sets_cookie: bool,
    /// The authorization request is remembered, and a login points back to it.
    pub saves_request: bool,
    /// What a login without a remembered request points to; `{login}` and `{site}` stand for the origins.
    pub redirect_url: &'static str,
    /// What follows the password: nothing, `mail`, `starred` (a mailed code that is taken under the starred address only) or
    /// `su`.
    pub then: &'static str,
    /// The choice.
    pub su: Value,
    /// The status of refusals.
    pub status: u16,
    /// The media type of the API.
    pub media: &'static str,
    /// The cabinet wants the cookie that only a refused `/s/m` sets, at the callback already.
    pub affinity_first: bool,
    /// An authorization request of a signed-in account is silent only with the mark `continue`.
    pub wants_continue: bool,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            wants_cookie: true,
            page_sets_cookie: true,
            saves_request: false,
            redirect_url: "{login}/",
            then: "",
            su: json!({"17": "Лавка", "18": "Ларёк"}),
            status: 400,
            media: "text/html; charset=utf-8",
            affinity_first: false,
            wants_continue: false,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Nobody,
    Mail,
    Sms,
    Choice,
    In,
}

/// Its state.
pub struct Portal {
    pub choices: Choices,
    pub log: Vec<Asked>,
    pub port: u16,
    last: u32,
    logins: HashMap<String, (Stage, Option<String>)>,
    requests: HashMap<String, String>,
    codes: HashSet<String>,
    sessions: HashSet<String>,
}

impl Portal {
    pub fn new(choices: Choices, port: u16) -> Self {
        Self {
            choices,
            port,
            log: Vec::new(),
            last: 0,
            logins: HashMap::new(),
            requests: HashMap::new(),
            codes: HashSet::new(),
            sessions: HashSet::new(),
        }
    }

    fn origin(&self, host: &str) -> String {
        format!("http://{host}portal.localhost:{}", self.port)
    }

    fn fresh(&mut self, name: &str) -> String {
        self.last += 1;
        format!("{name}-{}", self.last)
    }

    pub fn answer(&mut self, asked: &Asked) -> Say {
        let host = asked.host.split('.').next().unwrap_or_default();
        match (host, asked.method.as_str(), asked.path.as_str()) {
            ("id", "GET", "/login") => self.page(asked),
            ("id", "POST", "/api/p/login" | "/other/login") => self.login(asked),
            ("id", "POST", "/api/p/mfa/send" | "/other/send") => {
                Say::Raw("HTTP/1.1 204 x".to_owned(), Vec::new())
            }
            ("id", "GET", "/oauth2/authorize") => self.authorize(asked),
            ("mc", "GET", "/oauth2/authorization/1") => self.kick_off(),
            ("mc", "GET", "/login/oauth2/code/1") => self.callback(asked),
            ("mc", "GET", "/s/m") => self.merchants(asked),
            ("mc", "POST", "/mc/facade/graphql") => graphql(asked),
            _ => Say::html(404, "<html>404</html>"),
        }
    }

    fn sso_cookie(token: &str) -> Vec<String> {
        vec![
            "other=x; Path=/; Domain=.portal.localhost".to_owned(),
            format!("MS_AUTH_SSO={token}; Path=/; HttpOnly; Secure; Max-Age=86400"),
        ]
    }

    fn page(&mut self, asked: &Asked) -> Say {
        let known = asked.cookie("MS_AUTH_SSO").is_some_and(|token| self.logins.contains_key(token));
        if known || !self.choices.page_sets_cookie {
            return Say::html(200, "<html><input id=user_email_field></html>");
        }
        let token = self.fresh("sso");
        self.logins.insert(token.clone(), (Stage::Nobody, None));
        Say::Chunked(200, "text/html", Self::sso_cookie(&token), "<html>войдите</html>".to_owned())
    }

    fn say(&self, status: u16, mut body: Value, cookies: Vec<String>) -> Say {
        body["requestId"] = json!({"of": ["nobody", "knows"], "number": 1});
        Say::Chunked(status, self.choices.media, cookies, body.to_string())
    }

    fn refuse(&self, code: &str) -> Say {
        self.say(self.choices.status, json!({"errorCode": code, "message": "Ошибка"}), Vec::new())
    }

    fn login(&mut self, asked: &Asked) -> Say {
        let Ok(body) = serde_json::from_str::<Value>(&asked.body) else {
            return Say::html(500, "<html>500</html>");
        };
        let known = asked.cookie("MS_AUTH_SSO").filter(|token| self.logins.contains_key(*token));
        let (token, cookies) = match known {
            // No rotation: whoever has a cookie keeps it.
            Some(token) => (token.to_owned(), Vec::new()),
            None if self.choices.wants_cookie => return self.refuse("FAILED"),
            None => {
                let token = self.fresh("sso");
                (token.clone(), Self::sso_cookie(&token))
            }
        };
        let (stage, saved) = self.logins.get(&token).cloned().unwrap_or((Stage::Nobody, None));
        let has = |key: &str, value: &str| body[key] == value;
        let (next, said) = match stage {
            Stage::Mail if body.get("_m_c").is_some() => {
                let starred = self.choices.then == "starred";
                if !has("_u", if starred { "b***@portal.test" } else { "b@portal.test" }) {
                    return self.refuse("FAILED");
                }
                if !has("_m_c", "MAIL42") {
                    return self.refuse("MFA_CODE_INVALID");
                }
                (Stage::In, Value::Null)
            }
            Stage::Sms if body.get("_c").is_some() => {
                if !has("_c", "1234") {
                    return self.refuse("FAILED");
                }
                (Stage::In, Value::Null)
            }
            Stage::Choice if body.get("_s_m").is_some() => (Stage::In, Value::Null),
            _ if has("_ph", "+7 (701) 000-00-00") => (Stage::Sms, json!({"phone": "+7 (***) ***-**-00"})),
            _ if has("_u", "b@portal.test") && has("_p", "portal-password") => match self.choices.then {
                "mail" => (Stage::Mail, json!({"email": "b@portal.test"})),
                "starred" => (Stage::Mail, json!({"email": "b***@portal.test"})),
                "su" => (Stage::Choice, json!({"su": self.choices.su})),
                _ => (Stage::In, Value::Null),
            },
            _ => return self.refuse("CREDENTIALS_INVALID"),
        };
        self.logins.insert(token, (next, saved.clone()));
        let said = match saved.filter(|_| said.is_null()) {
            Some(query) => {
                json!({"redirectUrl": format!("{}/oauth2/authorize?{query}&continue", self.origin("id."))})
            }
            None if said.is_null() => json!({"redirectUrl": self.redirect_url()}),
            None => said,
        };
        self.say(201, said, cookies)
    }

    fn redirect_url(&self) -> String {
        let login = self.origin("id.");
        self.choices.redirect_url.replace("{login}", &login).replace("{site}", &self.origin(""))
    }

    fn kick_off(&mut self) -> Say {
        let (state, cookie) = (self.fresh("state"), self.fresh("arr"));
        self.requests.insert(cookie.clone(), state.clone());
        let to = format!("{}/oauth2/authorize?response_type=code&state={state}", self.origin("id."));
        Say::Redirect(to, vec![format!("mc-arr={cookie}; Path=/login/oauth2/code; HttpOnly; Secure")])
    }

    fn authorize(&mut self, asked: &Asked) -> Say {
        let marked = asked.query.split('&').any(|part| part == "continue");
        let query = asked.query.trim_end_matches("&continue").to_owned();
        let token = asked.cookie("MS_AUTH_SSO").unwrap_or_default().to_owned();
        if let Some((Stage::In, _)) = self.logins.get(&token)
            && (marked || !self.choices.wants_continue)
        {
            let code = self.fresh("code");
            self.codes.insert(code.clone());
            let state = asked.parameter("state").unwrap_or_default();
            return Say::Redirect(
                format!("{}/login/oauth2/code/1?code={code}&state={state}", self.origin("mc.")),
                Vec::new(),
            );
        }
        let token = if self.logins.contains_key(&token) { token } else { self.fresh("sso") };
        let saved = self.choices.saves_request.then_some(query);
        let entry = self.logins.entry(token.clone()).or_insert((Stage::Nobody, None));
        entry.1 = saved;
        Say::Redirect("/login".to_owned(), Self::sso_cookie(&token))
    }

    fn callback(&mut self, asked: &Asked) -> Say {
        let wanted = asked.cookie("mc-arr").and_then(|cookie| self.requests.remove(cookie));
        let code = asked.parameter("code").is_some_and(|code| self.codes.remove(code));
        let affine = !self.choices.affinity_first || asked.cookie("mc-session").is_some();
        if !affine || !code || wanted.as_deref() != asked.parameter("state") {
            return Say::Chunked(401, "text/plain", Vec::new(), String::new());
        }
        let sid = self.fresh("sid");
        self.sessions.insert(sid.clone());
        // Not to the site's own address, as the sandbox does, but to a page of its own.
        Say::Redirect(
            format!("{}/mc/?welcome#/", self.origin("")),
            vec![format!("mc-sid={sid}; HttpOnly; Secure; Path=/")],
        )
    }

    fn merchants(&self, asked: &Asked) -> Say {
        if asked.cookie("mc-sid").is_some_and(|sid| self.sessions.contains(sid)) {
            return self.say(
                200,
                json!({"merchants": [{"uid": 17, "name": null, "role": "OWNER"}]}),
                Vec::new(),
            );
        }
        Say::Chunked(401, "", vec!["mc-session=1.2.3|x; Path=/".to_owned()], String::new())
    }
}

fn graphql(asked: &Asked) -> Say {
    if asked.body.contains("points") {
        return Say::json(400, &json!({"errors": [{"message": "Bad Request"}]}));
    }
    Say::json(
        200,
        &json!({"data": {"merchant": {"id": 17, "name": "Лавка", "logo": null}}, "extensions": {}}),
    )
}
