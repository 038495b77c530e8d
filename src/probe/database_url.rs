//! Addresses of databases, taken apart: `KIND://USER:PASSWORD@HOST:PORT/PATH?OPTIONS`. Nothing of one is ever shown.

use super::request::{PrepareError, Resolver};
use super::tls::Verify;
use crate::model::Text;
use crate::source::Spanned;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::net::IpAddr;
use url::Url;

/// An address of a database.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    /// The scheme without a driver's name, in lower case.
    pub(super) scheme: String,
    /// The user, if one is named.
    pub(super) user: Option<String>,
    /// The password, if there is one.
    pub(super) password: Option<String>,
    /// The host as connected to: lowercase, IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What follows the first `/`.
    pub(super) path: String,
    /// The options, in the order written.
    pub(super) options: Vec<(String, String)>,
}

/// It holds a password, and where to use it.
impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl")
    }
}

/// How TLS is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Encrypt {
    /// Not at all.
    Never,
    /// If the server offers it, without looking at its certificate.
    IfOffered,
    /// Always.
    Always(Verify),
}

impl DatabaseUrl {
    /// Reads the address that a text resolves to, and has all of it masked from now on.
    ///
    /// # Errors
    /// What is wrong with it. Not even its host is shown: a password that was not escaped may be taken for one.
    pub(super) fn resolve(text: &Spanned<Text>, schemes: &[&str], port: u16, texts: &mut Resolver<'_>) -> Result<Self, PrepareError> {
        let resolved = texts.text(text)?;
        let read = Self::read(&resolved.value, port)
            .and_then(|url| if schemes.contains(&url.scheme.as_str()) { Ok(url) } else { Err("is the address of another kind of server") });
        let url = read.map_err(|why| PrepareError::BadAddress { shown: format!("{}://…", schemes[0]), why, span: text.span })?;
        texts.masks.add_secret(&resolved.value);
        url.password.iter().for_each(|password| texts.masks.add_secret(password));
        let public = url.host == "localhost" || url.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if !resolved.secrets.is_empty() && !public {
            texts.masks.add_secret(&url.host);
        }
        Ok(url)
    }

    fn read(text: &str, port: u16) -> Result<Self, &'static str> {
        if text.split_once("://").is_none() {
            return Err("has no `://`");
        }
        let url =
            Url::parse(text).map_err(|_| "cannot be read; signs such as `#`, `/` or `@` in a password are written `%23`, `%2F`, `%40`")?;
        let decoded = |part: &str| {
            percent_decode_str(part).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| "has a part that is not UTF-8")
        };
        let host = decoded(url.host_str().unwrap_or_default())?.to_lowercase();
        let host = host.trim_matches(['[', ']']).to_owned();
        match host.as_str() {
            "" => return Err("names no host; a socket in the file system cannot be asked"),
            several if several.contains(',') => return Err("names several hosts; write one"),
            path if path.contains('/') => return Err("names a socket in the file system, which cannot be asked"),
            _ => {}
        }
        Ok(Self {
            scheme: url.scheme().split('+').next().unwrap_or_default().to_owned(),
            user: Some(decoded(url.username())?).filter(|user| !user.is_empty()),
            password: url.password().map(decoded).transpose()?,
            host,
            port: url.port().filter(|port| *port != 0).unwrap_or(port),
            path: decoded(url.path().strip_prefix('/').unwrap_or_default())?,
            options: url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
        })
    }

    /// The last value of an option.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_and_unescaped() {
        let url = DatabaseUrl::read("postgresql+asyncpg://app:p%40ss%2Fw@DB.Example:6432/shop?sslmode=require&x=1", 5432).unwrap();
        assert_eq!((url.scheme.as_str(), url.host.as_str(), url.port), ("postgresql", "db.example", 6432));
        assert_eq!((url.user.as_deref(), url.password.as_deref(), url.path.as_str()), (Some("app"), Some("p@ss/w"), "shop"));
        assert_eq!((url.option("sslmode"), url.option("y")), (Some("require"), None));
        let url = DatabaseUrl::read("redis://:pw@[::1]/3", 6379).unwrap();
        assert_eq!((url.user, url.host.as_str(), url.port, url.path.as_str()), (None, "::1", 6379, "3"));
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        for text in
            ["", "db:5432", "postgres://", "postgres:///shop", "postgres://a,b/shop", "postgres://u:p#w@db/shop", "postgres://%2Frun/shop"]
        {
            assert!(DatabaseUrl::read(text, 5432).is_err(), "{text}");
        }
    }
}
