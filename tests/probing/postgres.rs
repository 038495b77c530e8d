//! `expect postgres` against a real server.

use super::{Given, LONG, SHORT, sample_with};
use crate::support::closed;
use crate::support::servers::{self, PASSWORD, Server};
use rollout_plan::engine::{Reading, Sample};
use rollout_plan::probe::{Asking, Tls};
use std::time::Duration;

async fn at(url: String, block: &str, timeout: Duration) -> Sample {
    let variables = Given([("URL", url)].into());
    let asking = Asking { tls: Tls::trusting(rustls::RootCertStore::empty()), ..Asking::default() };
    sample_with(&format!("postgres secret(\"URL\") {block}"), &variables, &asking, timeout).await
}

fn url(server: &Server, rest: &str) -> String {
    format!("postgres://plan:{PASSWORD}@127.0.0.1:{}/{rest}", server.port)
}

#[tokio::test]
async fn a_real_server_is_asked_and_judged() {
    let server = servers::postgres();
    let ask = async |block: &str| at(url(&server, "plan"), block, LONG).await;

    let session = ask("").await;
    assert_eq!((session.reading, session.expected.as_str(), session.actual.as_str()), (Reading::Pass, "a session", "connected"));

    for query in [
        "'SELECT 1' == 1",
        "'SELECT count(*) FROM pg_class' > 10",
        "'SELECT 2::smallint' <= 2",
        "'SELECT 12345678901' == 12345678901",
        "'SELECT 1.50' < 2",
        "'SELECT -12345678.000001' == -12345678.000001",
        "'SELECT 0.1::float8' == 0.1",
        "'SELECT 0.1::float4' == 0.1",
        "'SELECT true' == true",
        "\"SELECT 'ready'\" == \"ready\"",
        "\"SELECT 'ready'::name\" contains \"ead\"",
        "'SELECT version()' matches /^PostgreSQL \\d+/",
        "'SELECT NULL' == null",
        "'SELECT 1, 2' == 1",
        "'SELECT * FROM generate_series(5, 50)' == 5",
        "'SELECT now()::text' exists",
        "'SHOW transaction_read_only' == \"on\"",
    ] {
        let sample = ask(&format!("{{ query {query} }}")).await;
        assert_eq!(sample.reading, Reading::Pass, "{query}: {sample:?}");
    }

    for (query, reading, actual) in [
        ("'SELECT 2' == 1", Reading::Fail, "the answer to SELECT 2 is 2"),
        ("'SELECT 1 WHERE false' exists", Reading::Fail, "the answer to SELECT 1 WHERE false is not there"),
        ("'SELECT 1 WHERE false' == 1", Reading::Error, "the answer to SELECT 1 WHERE false is not there"),
        ("\"SELECT '1'\" == 1", Reading::Error, "the answer to SELECT '1' is the text \"1\", not a number"),
        ("'SELECT now()' == 1", Reading::Error, "the answer to SELECT now() is a timestamptz, which cannot be compared; add `::text`"),
        ("'SELECT NULL::int' > 1", Reading::Error, "the answer to SELECT NULL::int is null, not a number"),
        ("'SELECT count(*) FROM orders' == 1", Reading::Error, "the query cannot be answered: relation \"orders\" does not exist (42P01)"),
        ("'SELEC 1' == 1", Reading::Error, "the query cannot be answered: syntax error at or near \"SELEC\" (42601)"),
        (
            "'CREATE TABLE t (x int)' exists",
            Reading::Error,
            "the query cannot be answered: cannot execute CREATE TABLE in a read-only transaction (25006)",
        ),
        ("'SELECT repeat($$x$$, 10000000)' exists", Reading::Fail, "an answer of more than 1 MiB"),
    ] {
        let sample = ask(&format!("{{ query {query} }}")).await;
        assert_eq!((sample.reading, sample.actual.as_str()), (reading, actual), "{query}");
    }
    let wanted = ask("{\n query 'SELECT 1' == 1\n query 'SELECT 2' < 3\n}").await;
    assert_eq!(wanted.expected, "query 'SELECT 1' == 1, query 'SELECT 2' < 3");
    // What is wrong weighs more than what cannot be said.
    let both = ask("{\n query 'SELECT now()' == 1\n query 'SELECT 2' == 1\n}").await;
    assert_eq!((both.reading, both.actual.as_str()), (Reading::Fail, "the answer to SELECT 2 is 2"));
    who_is_let_in(&server).await;
    what_takes_too_long(&server).await;
    encryption(&server).await;
}

async fn who_is_let_in(server: &Server) {
    let port = server.port;
    for (url, reading, actual) in [
        (
            format!("postgres://plan:wrong-password@127.0.0.1:{port}/plan"),
            Reading::Error,
            "not let in: password authentication failed for user \"plan\" (28P01)",
        ),
        (
            format!("postgres://plan@127.0.0.1:{port}/plan"),
            Reading::Error,
            "not let in: the server wants a password, and the address has none",
        ),
        (url(server, "nowhere"), Reading::Fail, "PostgreSQL says: database \"nowhere\" does not exist (3D000)"),
        (format!("postgres://plan:x@{}/plan", closed()), Reading::Fail, "connection refused"),
    ] {
        let sample = at(url, "{ query 'SELECT 1' == 1 }", LONG).await;
        assert_eq!((sample.reading, sample.actual.as_str()), (reading, actual));
    }
    let nowhere = at("postgres://plan:x@db.invalid/plan".to_owned(), "", LONG).await;
    assert!(nowhere.reading == Reading::Error && !nowhere.actual.contains("db.invalid"), "not even the host is shown: {nowhere:?}");
}

async fn what_takes_too_long(server: &Server) {
    let slow = at(url(server, "plan"), "{ query 'SELECT pg_sleep(30)::text' exists }", SHORT).await;
    assert_eq!((slow.reading, slow.actual.as_str()), (Reading::Fail, "no answer within 400ms"));
    tokio::time::sleep(SHORT).await;
    let left =
        "\"SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND pid <> pg_backend_pid() AND state <> 'idle'\" == 0";
    let left = at(url(server, "plan"), &format!("{{ query {left} }}"), LONG).await;
    assert_eq!(left.reading, Reading::Pass, "the server goes on with what nobody waits for: {left:?}");
}

async fn encryption(server: &Server) {
    let encrypted = |wanted: bool| format!("{{ query 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()' == {wanted} }}");
    let issuer = server.issuer().display().to_string();
    let localhost = format!("postgres://plan:{PASSWORD}@localhost:{}/plan", server.port);
    for (url, is_encrypted) in [
        (url(server, "plan?sslmode=disable"), false),
        (url(server, "plan"), true),
        (url(server, "plan?sslmode=prefer"), true),
        (url(server, "plan?sslmode=require"), true),
        // For another name, which only `verify-full` looks at.
        (url(server, &format!("plan?sslmode=verify-ca&sslrootcert={issuer}")), true),
        (format!("{localhost}?sslmode=verify-full&sslrootcert={issuer}"), true),
    ] {
        let shown = url.replace(PASSWORD, "…");
        let sample = at(url, &encrypted(is_encrypted), LONG).await;
        assert_eq!(sample.reading, Reading::Pass, "{shown}: {sample:?}");
    }
    for (rest, reading, actual) in [
        ("plan?sslmode=verify-full".to_owned(), Reading::Error, "root"),
        (format!("plan?sslmode=verify-full&sslrootcert={issuer}"), Reading::Fail, "TLS: invalid peer certificate"),
        ("plan?sslmode=verify-ca&sslrootcert=/nowhere.pem".to_owned(), Reading::Error, "the file of root certificates"),
    ] {
        let sample = at(url(server, &rest), "", LONG).await;
        assert!(sample.reading == reading && sample.actual.contains(actual), "{rest}: {sample:?}");
    }
}
