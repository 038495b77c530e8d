//! What is there when a world starts.

use super::fault::Fault;

/// What is there when a world starts. The default is the app of the example: project `Backend`, environment `staging`, compose service
/// `backend`, raw, empty and never deployed.
#[derive(Clone, Debug)]
pub struct Config {
    /// Dokploy's version. Default `v0.30.2`, the one that was measured. An older one lacks the procedures and members of answers that came
    /// later; one that cannot be read has all of them.
    pub version: String,
    /// Keys that are accepted. Default: one of the owner, [`Config::API_KEY`].
    pub keys: Vec<Key>,
    /// Projects.
    pub projects: Vec<Project>,
    /// Containers that have nothing to do with Dokploy.
    pub containers: Vec<OtherContainer>,
    /// Jobs of other people in the queue, the first one being worked on.
    pub jobs: Vec<OtherJob>,
    /// Services that do their work and end with 0, beside those that others wait for.
    pub ending: Vec<String>,
    /// Docker networks that exist, for compose files that call them external. `None`, the default: every one that is asked for.
    pub networks: Option<Vec<String>>,
    /// Docker volumes that exist, for compose files that call them external. `None`, the default: every one that is asked for.
    pub volumes: Option<Vec<String>>,
    /// Addresses outside Dokploy at which something answers.
    pub externals: Vec<External>,
    /// Git references that are there, as (repository, branch).
    pub references: Vec<(String, String)>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// The world's start in seconds since 1970.
    pub start: i64,
}

impl Config {
    /// The owner's key unless another is configured.
    pub const API_KEY: &str = "sandbox-key-of-the-owner";
}

impl Default for Config {
    fn default() -> Self {
        let staging = Environment { name: "staging".to_owned(), composes: vec![Compose::named("backend")] };
        Self {
            version: "v0.30.2".to_owned(),
            keys: vec![Key::owner(Self::API_KEY)],
            projects: vec![Project { name: "Backend".to_owned(), environments: vec![staging] }],
            containers: Vec::new(),
            jobs: Vec::new(),
            ending: Vec::new(),
            networks: None,
            volumes: None,
            externals: Vec::new(),
            references: Vec::new(),
            faults: Vec::new(),
            // 2026-01-05 09:00:00 UTC, a Monday.
            start: 1_767_603_600,
        }
    }
}

/// A key of Dokploy's API and its rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub key: String,
    /// Whose it is.
    pub role: Role,
    /// After how many requests it is no longer accepted: a key made with Dokploy's default rate limit is good for 5 (FACTS §3).
    pub requests: Option<u32>,
}

impl Key {
    /// A key of the owner, without limit.
    pub fn owner(key: &str) -> Self {
        Self { key: key.to_owned(), role: Role::Owner, requests: None }
    }

    /// A key of a member, without limit.
    pub fn member(key: &str, rights: MemberRights) -> Self {
        Self { key: key.to_owned(), role: Role::Member(rights), requests: None }
    }
}

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// May do everything.
    Owner,
    /// May do what it was given.
    Member(MemberRights),
}

/// What a member may do (FACTS §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberRights {
    /// The projects and services are assigned to it.
    pub services: bool,
    /// `canCreateServices`: to change a compose text.
    pub create_services: bool,
    /// `canAccessToDocker`: to inspect containers.
    pub docker: bool,
}

/// A project. Its `production` environment is made with it, as in Dokploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Its environments.
    pub environments: Vec<Environment>,
}

/// An environment of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Its compose services. Names need not be unique (FACTS §4).
    pub composes: Vec<Compose>,
}

/// A compose service of Dokploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compose {
    /// Its name.
    pub name: String,
    /// Its compose text.
    pub text: String,
    /// Its environment as dotenv text.
    pub env: Option<String>,
    /// Whether the text was deployed before the world started, and runs.
    pub deployed: bool,
    /// `sourceType`. Default `raw`.
    pub source_type: String,
    /// `composeType`. Default `docker-compose`.
    pub compose_type: String,
    /// `command`, replaces the compose command. Default empty.
    pub command: String,
    /// `suffix`. Default empty.
    pub suffix: String,
    /// `randomize`. Default false.
    pub randomize: bool,
    /// `isolatedDeployment`. Default false.
    pub isolated: bool,
    /// `autoDeploy`. Default true, as Dokploy creates it.
    pub auto_deploy: bool,
    /// `serverId`: a server that is not Dokploy's own host. Its containers are seen only by who names it; ports and images it shares with
    /// Dokploy's host.
    pub server: Option<String>,
}

impl Compose {
    /// A raw compose service as Dokploy creates it: no text, no environment.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: String::new(),
            env: None,
            deployed: false,
            source_type: "raw".to_owned(),
            compose_type: "docker-compose".to_owned(),
            command: String::new(),
            suffix: String::new(),
            randomize: false,
            isolated: false,
            auto_deploy: true,
            server: None,
        }
    }
}

/// A container that has nothing to do with Dokploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherContainer {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Host and container TCP ports that it publishes on all addresses.
    pub ports: Vec<(u16, u16)>,
    /// Whether it runs.
    pub running: bool,
    /// Whether it has a healthcheck, which passes.
    pub has_healthcheck: bool,
    /// The external that it is: it is stopped while that one is down.
    pub external: Option<String>,
}

/// A job of somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherJob {
    /// Its title.
    pub title: String,
    /// How long it takes from its start.
    pub takes: std::time::Duration,
}

/// An address outside Dokploy at which something answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// The name that faults call it by.
    pub name: String,
    /// Its host as the plan writes it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What it speaks.
    pub speaks: Speaks,
}

/// What an external stand-in speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// It accepts connections and says nothing.
    Tcp,
    /// HTTP: 200 and `{"status":"ok"}` on any path.
    Http,
    /// PostgreSQL: anybody is let in, and `SELECT` of a literal is that literal; any other query is answered with 1.
    Postgres,
    /// Redis: any password is good, and 16 databases are empty.
    Redis,
    /// Git over HTTP, as far as `git ls-remote` asks: the list of references of any repository in [`Config::references`].
    Git,
}
