//! The three origins of the portal: making addresses, and telling whether an address is the portal's at all.
//! Nothing outside them is ever asked for anything.

use kaspi_auth_core::{Code, Error};
use url::{Origin, Url};

use crate::settings::{HostRole, PortalSettings};

/// The portal's origins.
pub(crate) struct Origins {
    site: Url,
    login: Url,
    cabinet: Url,
}

impl Origins {
    /// Reads the origins of the settings.
    ///
    /// # Errors
    /// `invalid_value`: an address that is not HTTP or HTTPS, or has no host.
    pub(crate) fn new(settings: &PortalSettings) -> Result<Self, Error> {
        Ok(Self {
            site: origin(&settings.site_url)?,
            login: origin(&settings.login_url)?,
            cabinet: origin(&settings.cabinet_url)?,
        })
    }

    /// The root address of a part.
    pub(crate) fn of(&self, role: HostRole) -> &Url {
        match role {
            HostRole::Site => &self.site,
            HostRole::Login => &self.login,
            HostRole::Cabinet => &self.cabinet,
        }
    }

    /// An address of a part; `path` may carry a query.
    pub(crate) fn at(&self, role: HostRole, path: &str) -> Url {
        let mut url = self.of(role).clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        url.set_path(path);
        url.set_query(query);
        url
    }

    /// A part's origin as the header `Origin` writes it.
    pub(crate) fn header(&self, role: HostRole) -> String {
        self.of(role).origin().ascii_serialization()
    }

    /// Which part an address belongs to; `None` for a stranger's. Parts that share one origin read as the login host or
    /// the cabinet, but for the shell's own path.
    pub(crate) fn role(&self, url: &Url) -> Option<HostRole> {
        let asked = url.origin();
        let is = |part: &Url| same(&asked, part);
        let shell = matches!(url.path(), "/mc" | "/mc/");
        if is(&self.site) && (shell || !is(&self.login) && !is(&self.cabinet)) {
            Some(HostRole::Site)
        } else if is(&self.login) {
            Some(HostRole::Login)
        } else if is(&self.cabinet) {
            Some(HostRole::Cabinet)
        } else {
            None
        }
    }

    /// The three host names, for cookies that do not say theirs.
    pub(crate) fn hosts(&self) -> [&str; 3] {
        [&self.site, &self.login, &self.cabinet].map(|url| url.host_str().unwrap_or_default())
    }

    /// Whether no part is spoken to over TLS.
    pub(crate) fn all_plain(&self) -> bool {
        [&self.site, &self.login, &self.cabinet].iter().all(|url| url.scheme() == "http")
    }
}

fn same(asked: &Origin, part: &Url) -> bool {
    *asked == part.origin()
}

fn origin(url: &Url) -> Result<Url, Error> {
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(Error::new(
            Code::InvalidValue,
            format!("{url} is no address of a portal: write it as https://host"),
        ));
    }
    let mut root = url.clone();
    root.set_path("/");
    root.set_query(None);
    root.set_fragment(None);
    // Credentials in an address would end up in logs; a portal's address has none.
    let _ = root.set_username("");
    let _ = root.set_password(None);
    Ok(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(site: &str, login: &str, cabinet: &str) -> Origins {
        let [site_url, login_url, cabinet_url] = [site, login, cabinet].map(|text| Url::parse(text).unwrap());
        Origins::new(&PortalSettings { site_url, login_url, cabinet_url, ..PortalSettings::default() })
            .unwrap()
    }

    #[test]
    fn an_address_is_the_portals_by_its_whole_origin() {
        let portal = origins("https://kaspi.kz", "https://idmc.shop.kaspi.kz/x", "https://mc.shop.kaspi.kz");
        let role = |text: &str| portal.role(&Url::parse(text).unwrap());
        assert_eq!(role("https://kaspi.kz/mc/"), Some(HostRole::Site));
        assert_eq!(role("https://idmc.shop.kaspi.kz/login"), Some(HostRole::Login));
        assert_eq!(role("https://mc.shop.kaspi.kz:443/s/m"), Some(HostRole::Cabinet));
        for foreign in [
            "http://kaspi.kz/mc/",
            "https://kaspi.kz:444/",
            "https://kaspi.kz.evil.test/",
            "data:text/html,x",
        ] {
            assert_eq!(role(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn parts_that_share_an_origin_are_told_apart_by_the_shells_path() {
        let portal = origins("http://127.0.0.1:9", "http://127.0.0.1:9", "http://127.0.0.1:9");
        let role = |path: &str| portal.role(&portal.at(HostRole::Site, path));
        assert_eq!(role("/mc/"), Some(HostRole::Site));
        assert_eq!(role("/login"), Some(HostRole::Login));
        assert_eq!(role("/mc/facade/graphql?opName=x"), Some(HostRole::Login));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        let with = |text: &str| {
            let login_url = Url::parse(text).unwrap();
            Origins::new(&PortalSettings { login_url, ..PortalSettings::default() }).err().map(|e| e.code())
        };
        assert_eq!(with("ftp://idmc.shop.kaspi.kz"), Some(Code::InvalidValue));
        assert_eq!(with("unix:/run/portal"), Some(Code::InvalidValue));
    }
}
