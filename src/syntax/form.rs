//! Every statement of the language: its keyword, where it belongs, whether it has a block, and how it is written.

use super::grammar::Rule;
use std::fmt;

/// A kind of block, or the file itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Outside all blocks.
    File,
    /// `dokploy { … }`
    Dokploy,
    /// `app NAME { … }`
    App,
    /// `sampling { … }`
    Sampling,
    /// `service NAME { … }`
    Service,
    /// `job NAME { … }`
    Job,
    /// `external NAME { … }`
    External,
    /// `gate NAME { … }`
    Gate,
    /// `phase NAME { … }`
    Phase,
    /// `expect http … { … }`
    Http,
    /// `expect tcp … { … }`
    Tcp,
    /// `expect logs { … }`
    Logs,
    /// `expect container … { … }`
    Container,
    /// `expect postgres … { … }`
    Postgres,
    /// `expect redis … { … }`
    Redis,
    /// `expect server { … }`
    Server,
    /// `expect exec … { … }`
    Exec,
    /// `scenario NAME { … }`
    Scenario,
    /// `when phase NAME { … }`, `when rollback { … }`, `from phase NAME { … }`, `always { … }`
    When,
}

impl Place {
    /// The statements that belong here.
    pub fn forms(self) -> impl Iterator<Item = &'static Form> {
        FORMS.iter().filter(move |form| form.places.contains(&self))
    }

    /// The keyword of its block; empty for the file.
    pub fn keyword(self) -> &'static str {
        match self {
            Place::File => "",
            Place::Dokploy => "dokploy",
            Place::App => "app",
            Place::Sampling => "sampling",
            Place::Service => "service",
            Place::Job => "job",
            Place::External => "external",
            Place::Gate => "gate",
            Place::Phase => "phase",
            Place::Http => "expect http",
            Place::Tcp => "expect tcp",
            Place::Logs => "expect logs",
            Place::Container => "expect container",
            Place::Postgres => "expect postgres",
            Place::Redis => "expect redis",
            Place::Server => "expect server",
            Place::Exec => "expect exec",
            Place::Scenario => "scenario",
            Place::When => "when",
        }
    }
}

/// Says where: "in a `phase` block", "outside all blocks".
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File => f.write_str("outside all blocks"),
            place @ (Place::App
            | Place::External
            | Place::Http
            | Place::Tcp
            | Place::Logs
            | Place::Container
            | Place::Postgres
            | Place::Redis
            | Place::Server
            | Place::Exec) => write!(f, "in an `{}` block", place.keyword()),
            place => write!(f, "in a `{}` block", place.keyword()),
        }
    }
}

/// Whether a statement has a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockUse {
    /// It never has one.
    Never,
    /// It may have one.
    May,
    /// It has one.
    Must,
}

/// One statement of the language.
#[derive(Debug)]
pub struct Form {
    /// Its first word; in capitals, where it begins with a name.
    pub keyword: &'static str,
    /// Where it belongs.
    pub places: &'static [Place],
    /// Whether it has a block.
    pub block: BlockUse,
    /// How it is written, names in capitals.
    pub shape: &'static str,
    pub(super) rule: Rule,
}

impl Form {
    /// The statement with this keyword.
    pub fn of(keyword: &str) -> Option<&'static Form> {
        FORMS.iter().find(|form| form.keyword == keyword)
    }

    /// The statement with this keyword that belongs here, else the one that belongs elsewhere. Where lines begin with names, any other word
    /// is one.
    pub(super) fn at(keyword: &str, place: Place) -> Option<&'static Form> {
        let here = place.forms().find(|form| form.keyword == keyword);
        here.or_else(|| Form::of(keyword)).or_else(|| place.forms().find(|form| form.rule == Rule::fault))
    }

    /// What its block holds; `None` without a block, or where only the rest of its line tells (`expect`).
    pub fn opens(&self) -> Option<Place> {
        Some(match self.rule {
            Rule::dokploy => Dokploy,
            Rule::app => App,
            Rule::sampling => Sampling,
            Rule::service => Service,
            Rule::job => Job,
            Rule::external => External,
            Rule::gate => Gate,
            Rule::phase => Phase,
            Rule::scenario => Scenario,
            Rule::when | Rule::from | Rule::always => When,
            _ => return None,
        })
    }

    /// Whether it gives something a name that other statements use.
    pub fn declares(&self) -> bool {
        matches!(self.rule, Rule::app | Rule::binding | Rule::service | Rule::job | Rule::external | Rule::gate | Rule::phase)
    }

    /// The statement that a rule of the grammar reads.
    pub(super) fn of_rule(rule: Rule) -> Option<&'static Form> {
        FORMS.iter().find(|form| form.rule == rule)
    }
}

/// Statements are compared by how they are written.
impl PartialEq for Form {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape
    }
}

impl Eq for Form {}

const fn form(keyword: &'static str, rule: Rule, places: &'static [Place], block: BlockUse, shape: &'static str) -> Form {
    Form { keyword, places, block, shape, rule }
}

use BlockUse::{May, Must, Never};
use Place::{
    App, Container, Dokploy, Exec, External, File, Gate, Http, Job, Logs, Phase, Postgres, Redis, Sampling, Scenario, Server, Service, Tcp,
    When,
};

/// The whole language, in the order of the grammar.
pub static FORMS: &[Form] = &[
    form("rollout", Rule::rollout, &[File], Never, "rollout NAME"),
    form("dokploy", Rule::dokploy, &[File], Must, "dokploy { … }"),
    form("url", Rule::url, &[Dokploy], Never, "url env(\"DOKPLOY_URL\")"),
    form("api-key", Rule::api_key, &[Dokploy], Never, "api-key secret(\"DOKPLOY_API_KEY\")"),
    form("ca", Rule::ca, &[Dokploy], Never, "ca \"FILE.pem\""),
    form("app", Rule::app, &[File], Must, "app NAME { … }"),
    form("project", Rule::project, &[App], Never, "project \"PROJECT\""),
    form("environment", Rule::environment, &[App], Never, "environment \"ENVIRONMENT\""),
    form("compose", Rule::compose, &[App], Never, "compose \"COMPOSE SERVICE\""),
    form("let", Rule::binding, &[File], Never, "let NAME = env(\"VARIABLE\", \"default\")"),
    form("sampling", Rule::sampling, &[File], Must, "sampling { … }"),
    form("every", Rule::every, &[Sampling], Never, "every 5s"),
    form("timeout", Rule::timeout, &[Sampling], Never, "timeout 3s"),
    form("healthy", Rule::healthy, &[Sampling, Container], Never, "healthy after 2 passes"),
    form("unhealthy", Rule::unhealthy, &[Sampling], Never, "unhealthy after 3 failures"),
    form("queue", Rule::queue, &[File], Never, "queue within 15m"),
    form("run", Rule::run, &[File], Never, "run within 2h"),
    form("restarts", Rule::restarts, &[File, Container], Never, "restarts max 3"),
    form("service", Rule::service, &[File], May, "service NAME { … }"),
    form("job", Rule::job, &[File], May, "job NAME { … }"),
    form("external", Rule::external, &[File], Must, "external NAME { … }"),
    form("gate", Rule::gate, &[File], Must, "gate NAME { … }"),
    form("phase", Rule::phase, &[File], Must, "phase NAME after OTHER { … }"),
    form("note", Rule::note, &[Service, Job, External, Gate, Phase, Scenario], Never, "note \"…\""),
    form("hint", Rule::hint, &[Service, Job, External], Never, "hint \"…\""),
    form("needs", Rule::needs, &[Service, Job], Never, "needs NAME"),
    form("uses", Rule::uses, &[Service, Job], Never, "uses NAME"),
    form("allow", Rule::allow, &[Service, Job], Never, "allow WORD \"reason\""),
    form("expect", Rule::expect, &[Service, Job, External, Gate], May, "expect http \"URL\""),
    form("warn", Rule::warn, &[Service, Job, External, Gate], May, "warn http \"URL\""),
    form("observe", Rule::observe, &[Service, Job, External, Gate], May, "observe http \"URL\""),
    form("approve", Rule::approve, &[Gate], Never, "approve \"QUESTION?\" within 30m else stop"),
    form("require", Rule::require, &[Phase], Never, "require GATE"),
    form("deploy", Rule::deploy, &[Phase], Never, "deploy APP from \"FILE\" within 10m"),
    form("settle", Rule::settle, &[Phase], Never, "settle within 2m"),
    form("soak", Rule::soak, &[Phase], Never, "soak 30s"),
    form("on", Rule::on_failure, &[Phase], Never, "on failure rollback"),
    form("removes", Rule::removes, &[Phase], Never, "removes SERVICE"),
    form("within", Rule::within_limit, &[Job], Never, "within 2m"),
    form("watch", Rule::watch, &[File], Never, "watch for 1h every 1m"),
    form("notify", Rule::notify, &[File], Never, "notify webhook secret(\"WEBHOOK\") about failure"),
    form("method", Rule::method, &[Http], Never, "method POST"),
    form("send", Rule::send, &[Http], Never, "send header \"NAME\" \"VALUE\""),
    form("auth", Rule::auth, &[Http], Never, "auth bearer secret(\"TOKEN\")"),
    form("follow", Rule::follow, &[Http], Never, "follow redirects"),
    form("connect", Rule::connect, &[Http], Never, "connect within 1s"),
    form("read", Rule::read, &[Http], Never, "read within 1s"),
    form("status", Rule::status, &[Http], Never, "status in [200, 302]"),
    form("time", Rule::time, &[Http, Exec], Never, "time < 2s"),
    form("body", Rule::body, &[Http], Never, "body contains \"…\""),
    form("json", Rule::json, &[Http], Never, "json '$.status' == \"ok\""),
    form("header", Rule::header, &[Http], Never, "header \"NAME\" == \"…\""),
    form("certificate", Rule::certificate, &[Http], Never, "certificate expires after 14d"),
    form("banner", Rule::banner, &[Tcp], Never, "banner contains \"…\""),
    form("none", Rule::none, &[Logs], Never, "none matches /…/"),
    form("some", Rule::some, &[Logs], Never, "some matches /…/"),
    form("ignore", Rule::ignore, &[Logs], Never, "ignore matches /…/"),
    form("running", Rule::running, &[Container], Never, "running"),
    form("image", Rule::image, &[Container], Never, "image == \"…\""),
    form("query", Rule::query, &[Postgres], Never, "query 'SELECT 1' == 1"),
    form("ping", Rule::ping, &[Redis], Never, "ping"),
    form("info", Rule::info, &[Redis], Never, "info \"role\" == \"master\""),
    form("database", Rule::database, &[Redis], Never, "database 3"),
    form("disk", Rule::disk, &[Server], Never, "disk free > 10GiB"),
    form("memory", Rule::memory, &[Server], Never, "memory free > 1GiB"),
    form("exit", Rule::exit, &[Exec, Container], Never, "exit == 0"),
    form("stdout", Rule::stdout, &[Exec], Never, "stdout contains \"…\""),
    form("stderr", Rule::stderr, &[Exec], Never, "stderr contains \"…\""),
    form("set", Rule::setting, &[Exec], Never, "set NAME = secret(\"VARIABLE\")"),
    form("scenario", Rule::scenario, &[File], Must, "scenario NAME { … }"),
    form("when", Rule::when, &[Scenario], Must, "when phase PHASE { … }"),
    form("from", Rule::from, &[Scenario], Must, "from phase PHASE { … }"),
    form("always", Rule::always, &[Scenario], Must, "always { … }"),
    form("SERVICE", Rule::fault, &[When], Never, "SERVICE crash after 40s"),
    form("expect", Rule::wanted, &[Scenario], Never, "expect rolled back to PHASE within 10m"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_keyword_names_one_statement_of_a_place_and_begins_its_shape() {
        let places = FORMS.iter().flat_map(|form| form.places.iter().map(|place| (form.keyword, *place)));
        assert_eq!(places.clone().collect::<BTreeSet<_>>().len(), places.count());
        for form in FORMS {
            assert!(form.shape.starts_with(form.keyword), "{}", form.keyword);
        }
    }
}
