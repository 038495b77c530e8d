//! Why a service that runs does not answer as the plan expects: what its samples and its healthcheck say.

use super::rule::{
    Rule,
    Sign::{Sample, State as Is},
    State,
};

pub(super) const RULES: [Rule; 17] = [
    Rule {
        id: "healthcheck-fails",
        signs: &[Is(State::Unhealthy)],
        cause: "its own healthcheck in Docker fails",
        remedy: "`docker inspect --format '{{json .State.Health}}' NAME` on the host shows what the check said; many images have no curl",
    },
    Rule {
        id: "healthcheck-undecided",
        signs: &[Is(State::NoVerdict)],
        cause: "its healthcheck has had no success yet and is still in its start period",
        remedy: "wait, or make `interval` shorter; a start that takes longer needs a longer `settle within`",
    },
    Rule {
        id: "certificate-not-trusted",
        signs: &[Sample("", &["tls: ", "certificate"])],
        cause: "its certificate is expired, of an issuer that is not trusted here, or for another name",
        remedy: "`openssl s_client -connect HOST:443 -servername HOST` shows it; a private issuer goes into `ca \"FILE.pem\"` in `dokploy`, where that is what is asked",
    },
    Rule {
        id: "certificate-expired",
        signs: &[Sample("http", &["http ", ", certificate expire"])],
        cause: "its certificate is expired, or will be sooner than the plan allows: it is not renewed",
        remedy: "look at the renewal: the log of Dokploy's Traefik, port 80 open to the world, the DNS name",
    },
    Rule {
        id: "not-tls",
        signs: &[Sample("", &["an answer that is not tls"])],
        cause: "TLS is spoken to a port that speaks without it",
        remedy: "`http://` in place of `https://`, or the port that has TLS",
    },
    Rule {
        id: "not-http",
        signs: &[Sample("http", &["an answer that is not http"])],
        cause: "something else than plain HTTP listens there: another service, or TLS",
        remedy: "`https://` in place of `http://`, or the right port; `docker ps` on the host shows who publishes it",
    },
    Rule {
        id: "connection-refused",
        signs: &[Sample("http", &["connection refused"]), Sample("tcp", &["connection refused"])],
        cause: "nothing listens at this address",
        remedy: "it is still starting, is not published (`ports:`), or publishes another port or address; `ss -ltnp` on the host tells",
    },
    Rule {
        id: "listens-inside-only",
        signs: &[
            Sample("", &["connection accepted and closed at once"]),
            Sample("http", &["connection reset"]),
            Sample("http", &["connection closed before the answer was whole"]),
        ],
        cause: "Docker takes the connection and nobody behind it does: it listens on 127.0.0.1 in its container, on another port, or not yet",
        remedy: "let it listen on 0.0.0.0, and on the port that `ports:` names on the right",
    },
    Rule {
        id: "no-answer",
        signs: &[Sample("", &["no answer within "]), Sample("http", &["http ", "but no whole answer within "])],
        cause: "it takes the time and says nothing: overloaded, waiting for something itself, or a firewall drops what is sent",
        remedy: "try it on the host itself: where it answers there it is the network, otherwise its log or what it leans on",
    },
    Rule {
        id: "name-unknown",
        signs: &[Sample("", &["the name ", "cannot be resolved"]), Sample("", &["the name ", "was not resolved in time"])],
        cause: "the machine that asks cannot resolve the name",
        remedy: "correct the address, or this machine's DNS; names of services are known in their networks only",
    },
    Rule {
        id: "bad-gateway",
        signs: &[Sample("http", &["http 502"]), Sample("http", &["http 504"])],
        cause: "a proxy answers, and not the service behind it",
        remedy: "is the service on the proxy's network, and is the domain's port in Dokploy the one that it listens on?",
    },
    Rule {
        id: "unavailable",
        signs: &[Sample("http", &["http 503"])],
        cause: "it says itself that it is not ready, or a proxy has no service to send this to",
        remedy: "wait; then its log, and what it leans on (database, queue, another service)",
    },
    Rule {
        id: "server-error",
        signs: &[Sample("http", &["http 500"])],
        cause: "the program answers, and fails while it does",
        remedy: "its log has the exception; most often its database or a setting",
    },
    Rule {
        id: "endpoint-missing",
        signs: &[Sample("http", &["http 404"])],
        cause: "it answers, and has no such path",
        remedy: "correct the path in `expect http`, with or without the slash at the end; with a proxy in front, the domain's rule",
    },
    Rule {
        id: "endpoint-not-permitted",
        signs: &[Sample("http", &["http 401"]), Sample("http", &["http 403"])],
        cause: "it answers, and asks for credentials or does not know the host name (ALLOWED_HOSTS)",
        remedy: "ask a path that is open, or give `bearer` or `basic` in `expect http`; add the name to the program's allowed hosts",
    },
    Rule {
        id: "endpoint-redirects",
        signs: &[
            Sample("http", &["http 301 to "]),
            Sample("http", &["http 302 to "]),
            Sample("http", &["http 307 to "]),
            Sample("http", &["http 308 to "]),
        ],
        cause: "it sends elsewhere: to https, to a sign-in, or to the same path with a slash",
        remedy: "ask where it leads, or `follow redirects` in `expect http`",
    },
    Rule {
        id: "bad-request",
        signs: &[Sample("http", &["http 400"])],
        cause: "it answers, and does not take the request: often a host name that it does not know (ALLOWED_HOSTS), or plain HTTP sent to TLS",
        remedy: "add the name or address that is asked to the program's allowed hosts",
    },
];
