//! `expect redis` against a real server.

use super::{Given, LONG, sample_with};
use crate::support::closed;
use crate::support::servers::{self, PASSWORD};
use rollout_plan::engine::{Reading, Sample};
use rollout_plan::probe::{Asking, Tls};

async fn at(url: String, block: &str) -> Sample {
    let variables = Given([("URL", url)].into());
    let asking = Asking { tls: Tls::trusting(rustls::RootCertStore::empty()), ..Asking::default() };
    sample_with(&format!("redis secret(\"URL\") {block}"), &variables, &asking, LONG).await
}

#[tokio::test]
async fn a_real_server_is_asked_and_judged() {
    let server = servers::redis();
    let (port, tls_port) = (server.port, server.tls_port);
    let good = format!("redis://:{PASSWORD}@127.0.0.1:{port}");

    for (url, block, expected) in [
        (good.clone(), "", "ping"),
        (good.clone(), "{ ping }", "ping"),
        (format!("{good}/15"), "{ ping }", "ping"),
        (format!("redis://default:{PASSWORD}@127.0.0.1:{port}/3"), "{ ping }", "ping"),
        (format!("redis://health:{PASSWORD}@127.0.0.1:{port}"), "{ info \"loading\" == 0 }", "ping, info \"loading\" == 0"),
        (good.clone(), "{\n database 10\n info \"role\" == \"master\"\n}", "ping, info \"role\" == \"master\""),
        (good.clone(), "{ info \"used_memory\" < 1GiB }", "ping, info \"used_memory\" < 1GiB"),
        (good.clone(), "{ info \"redis_version\" matches /^\\d+\\./ }", "ping, info \"redis_version\" matches /^\\d+\\./"),
        (format!("rediss://:{PASSWORD}@127.0.0.1:{tls_port}?ssl_cert_reqs=none"), "{ ping }", "ping"),
        (format!("rediss://:{PASSWORD}@localhost:{tls_port}?ssl_ca_certs={}", server.issuer().display()), "{ ping }", "ping"),
    ] {
        let sample = at(url, block).await;
        assert_eq!((sample.reading, sample.expected.as_str()), (Reading::Pass, expected), "{sample:?}");
    }

    for (url, block, reading, actual) in [
        (good.clone(), "{ info \"role\" == \"slave\" }", Reading::Fail, "role is \"master\""),
        (good.clone(), "{ info \"no_such\" exists }", Reading::Fail, "no_such is not there"),
        (good.clone(), "{ info \"no_such\" == 5 }", Reading::Error, "no_such is not there"),
        (good.clone(), "{ info \"role\" < 5 }", Reading::Error, "role is the text \"master\", not a number"),
        (good.clone(), "{ database 16 }", Reading::Error, "the database cannot be chosen: ERR DB index is out of range"),
        (format!("redis://127.0.0.1:{port}"), "{ ping }", Reading::Error, "not let in: NOAUTH Authentication required."),
        (
            format!("redis://:wrong-password@127.0.0.1:{port}"),
            "{ ping }",
            Reading::Error,
            "not let in: WRONGPASS invalid username-password pair or user is disabled.",
        ),
        (
            format!("redis://health:{PASSWORD}@127.0.0.1:{port}/3"),
            "{ ping }",
            Reading::Error,
            "not let in: NOPERM this user has no permissions to run the 'select' command",
        ),
        (format!("redis://:{PASSWORD}@{}", closed()), "{ ping }", Reading::Fail, "connection refused"),
        (format!("rediss://:{PASSWORD}@127.0.0.1:{tls_port}"), "{ ping }", Reading::Error, "root trust anchors"),
        (
            format!("rediss://:{PASSWORD}@127.0.0.1:{tls_port}?ssl_ca_certs={}", server.issuer().display()),
            "{ ping }",
            Reading::Fail,
            "TLS: invalid peer certificate",
        ),
        (format!("rediss://:{PASSWORD}@127.0.0.1:{port}"), "{ ping }", Reading::Error, "root trust anchors"),
    ] {
        let shown = url.replace(PASSWORD, "…");
        let sample = at(url, block).await;
        assert!(sample.reading == reading && sample.actual.contains(actual), "{shown} {block}: {sample:?}");
    }
}
