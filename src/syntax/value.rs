//! From pairs of the grammar to heads and values, keeping where each stands.

use super::ast::{
    Channel, Condition, ConditionKind, Head, Literal, LiteralKind, Name, Piece, Policy, Probe, Severity, StatusRange, TextExpr, TextKind,
};
use super::grammar::{Grammar, Rule};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Span, Spanned};
use pest::Parser as _;
use pest::iterators::{Pair, Pairs};
use std::ops::Range;
use std::time::Duration;

/// Where a parsed text stands in its file. A repaired statement is not the text of the file, so each of its bytes has its own origin.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    /// The file itself.
    File,
    /// A repaired statement: the file's offset of each byte, and of the end.
    Repaired(&'a [usize]),
}

impl Origin<'_> {
    fn range(self, range: Range<usize>) -> Range<usize> {
        match self {
            Origin::File => range,
            Origin::Repaired(map) => {
                let at = |offset: usize| map.get(offset).or(map.last()).copied().unwrap_or(0);
                at(range.start)..at(range.end)
            }
        }
    }
}

/// Reads values, telling of strings that cannot be.
pub(super) struct Values<'a> {
    pub(super) file: FileId,
    pub(super) origin: Origin<'a>,
    pub(super) problems: &'a mut Vec<Diagnostic>,
}

/// The inner pairs of one statement, taken in order by what they are.
pub(super) struct Slots<'i>(pub(super) Pairs<'i, Rule>);

impl<'i> Slots<'i> {
    /// The next pair of this rule, whatever stands before it.
    pub(super) fn take(&mut self, rule: Rule) -> Option<Pair<'i, Rule>> {
        self.0.find(|pair| pair.as_rule() == rule)
    }

    /// The next pair of this rule, if there is one; otherwise nothing is taken.
    pub(super) fn take_if(&mut self, rule: Rule) -> Option<Pair<'i, Rule>> {
        if self.has(rule) { self.take(rule) } else { None }
    }

    /// Whether there is one of this rule.
    pub(super) fn has(&self, rule: Rule) -> bool {
        self.0.clone().any(|pair| pair.as_rule() == rule)
    }
}

impl Values<'_> {
    pub(super) fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let span = pair.as_span();
        Span::new(self.file, self.origin.range(span.start()..span.end()))
    }

    /// The head that a statement's own rule read. `None` cannot happen: the grammar has every slot that is asked for here.
    pub(super) fn head(&mut self, pair: &Pair<'_, Rule>) -> Option<Head> {
        let rule = pair.as_rule();
        let mut slots = Slots(pair.clone().into_inner());
        Some(match rule {
            Rule::rollout => Head::Rollout(self.name(&mut slots)?),
            Rule::dokploy => Head::Dokploy,
            Rule::url => Head::Url(self.text(&mut slots)?),
            Rule::api_key => Head::ApiKey(self.text(&mut slots)?),
            Rule::ca => Head::Ca(self.plain(&mut slots)?),
            Rule::app => Head::App(self.name(&mut slots)?),
            Rule::project => Head::Project(self.text(&mut slots)?),
            Rule::environment => Head::Environment(self.text(&mut slots)?),
            Rule::compose => Head::Compose(self.text(&mut slots)?),
            Rule::binding => {
                let word = slots.take(Rule::word)?;
                Head::Let(Spanned::new(word.as_str().to_owned(), self.span(&word)), self.text(&mut slots)?)
            }
            Rule::sampling => Head::Sampling,
            Rule::every => Head::Every(self.duration(&mut slots)?),
            Rule::timeout => Head::Timeout(self.duration(&mut slots)?),
            Rule::healthy if slots.has(Rule::k_after) => Head::HealthyAfter(self.integer(&mut slots)?),
            Rule::healthy => Head::Healthy,
            Rule::unhealthy => Head::UnhealthyAfter(self.integer(&mut slots)?),
            Rule::queue => Head::QueueWithin(self.duration(&mut slots)?),
            Rule::run => Head::RunWithin(self.duration(&mut slots)?),
            Rule::restarts if slots.has(Rule::k_max) => Head::RestartsMax(self.integer(&mut slots)?),
            Rule::restarts => Head::Restarts(self.sign(&mut slots)?, self.integer(&mut slots)?),
            Rule::service => Head::Service { name: self.name(&mut slots)?, app: self.name(&mut slots) },
            Rule::job => Head::Job { name: self.name(&mut slots)?, app: self.name(&mut slots) },
            Rule::external => Head::External(self.name(&mut slots)?),
            Rule::gate => Head::Gate(self.name(&mut slots)?),
            Rule::phase => Head::Phase { name: self.name(&mut slots)?, after: self.name(&mut slots) },
            Rule::note => Head::Note(self.plain(&mut slots)?),
            Rule::hint => Head::Hint(self.plain(&mut slots)?),
            Rule::needs => Head::Needs(self.names(slots)),
            Rule::uses => Head::Uses(self.names(slots)),
            Rule::allow => {
                let word = slots.take(Rule::word)?;
                Head::Allow { word: Spanned::new(word.as_str().to_owned(), self.span(&word)), reason: self.plain(&mut slots)? }
            }
            Rule::expect => Head::Expect(Severity::Decides, self.probe(slots.take(Rule::probe)?)?),
            Rule::warn => Head::Expect(Severity::Warns, self.probe(slots.take(Rule::probe)?)?),
            Rule::observe => Head::Expect(Severity::Observes, self.probe(slots.take(Rule::probe)?)?),
            Rule::approve => Head::Approve { question: self.plain(&mut slots)?, within: self.duration(&mut slots) },
            Rule::require => Head::Require(self.names(slots)),
            Rule::deploy => Head::Deploy { app: self.name(&mut slots)?, from: self.plain(&mut slots)?, within: self.duration(&mut slots) },
            Rule::settle => Head::Settle(self.duration(&mut slots)?),
            Rule::soak => Head::Soak(self.duration(&mut slots)?),
            Rule::on_failure => Head::OnFailure(match slots.take(Rule::policy)?.as_str() {
                "stop" => Policy::Stop,
                "ask" => Policy::Ask,
                _ => Policy::Rollback,
            }),
            Rule::removes => Head::Removes(self.names(slots)),
            Rule::within_limit => Head::Within(self.duration(&mut slots)?),
            Rule::watch => Head::Watch { length: self.duration(&mut slots)?, every: self.duration(&mut slots) },
            Rule::notify => {
                let channel = if slots.has(Rule::k_webhook) {
                    Channel::Webhook(self.text(&mut slots)?)
                } else if slots.has(Rule::k_slack) {
                    Channel::Slack(self.text(&mut slots)?)
                } else {
                    Channel::Exec(self.texts(Slots(slots.take(Rule::hook)?.into_inner())))
                };
                let is_said = slots.has(Rule::k_about);
                Head::Notify { channel, about: is_said.then(|| self.names(slots)) }
            }
            Rule::status if slots.has(Rule::equal) => Head::StatusEqual(self.status(&slots.take(Rule::integer)?)),
            Rule::status => {
                let list = slots.take(Rule::statuses)?;
                let span = self.span(&list);
                let ranges = list.into_inner().filter(|item| matches!(item.as_rule(), Rule::integer | Rule::range));
                Head::StatusIn(ranges.map(|item| self.status(&item)).collect(), span)
            }
            Rule::time => {
                let percentile = slots.take_if(Rule::percentile).map(|pair| Spanned::new(pair.as_str().to_owned(), self.span(&pair)));
                let limit = self.duration(&mut slots)?;
                let over = self.duration(&mut slots);
                match (&percentile, &over) {
                    (None, None) => Head::TimeBelow(limit),
                    _ => Head::TimePercentile { percentile, limit, over },
                }
            }
            Rule::method => {
                let verb = slots.take(Rule::verb)?;
                Head::Method(Spanned::new(verb.as_str().to_owned(), self.span(&verb)))
            }
            Rule::send if slots.has(Rule::k_header) => Head::SendHeader { name: self.plain(&mut slots)?, value: self.text(&mut slots)? },
            Rule::send => Head::SendBody(self.text(&mut slots)?),
            Rule::auth if slots.has(Rule::k_basic) => Head::AuthBasic { user: self.text(&mut slots)?, password: self.text(&mut slots)? },
            Rule::auth => Head::AuthBearer(self.text(&mut slots)?),
            Rule::follow => Head::FollowRedirects,
            Rule::connect => Head::ConnectWithin(self.duration(&mut slots)?),
            Rule::read => Head::ReadWithin(self.duration(&mut slots)?),
            Rule::certificate => Head::CertificateExpiresAfter(self.days(&mut slots)?),
            Rule::body => Head::Body(self.condition(pair)?),
            Rule::json => Head::Json { path: self.plain(&mut slots)?, condition: self.condition(pair)? },
            Rule::header => Head::Header { name: self.plain(&mut slots)?, condition: self.condition(pair)? },
            Rule::none => Head::LogsNone(self.condition(pair)?),
            Rule::some => Head::LogsSome(self.condition(pair)?),
            Rule::ignore => Head::LogsIgnore(self.condition(pair)?),
            Rule::running => Head::Running,
            Rule::image => Head::Image(self.condition(pair)?),
            Rule::banner => Head::Banner(self.condition(pair)?),
            Rule::query => Head::Query { sql: self.plain(&mut slots)?, condition: self.condition(pair)? },
            Rule::ping => Head::Ping,
            Rule::info => Head::Info { field: self.plain(&mut slots)?, condition: self.condition(pair)? },
            Rule::database => Head::Database(self.integer(&mut slots)?),
            Rule::disk => Head::DiskFree(self.sign(&mut slots)?, self.quantity(&mut slots)?),
            Rule::memory => Head::MemoryFree(self.sign(&mut slots)?, self.quantity(&mut slots)?),
            Rule::exit => Head::Exit(self.sign(&mut slots)?, self.integer(&mut slots)?),
            Rule::stdout => Head::Stdout(self.condition(pair)?),
            Rule::stderr => Head::Stderr(self.condition(pair)?),
            Rule::setting => {
                let word = slots.take(Rule::word)?;
                Head::Set(Spanned::new(word.as_str().to_owned(), self.span(&word)), self.text(&mut slots)?)
            }
            _ => return self.scenario_head(pair),
        })
    }

    fn probe(&mut self, pair: Pair<'_, Rule>) -> Option<Probe> {
        let probe = pair.into_inner().next()?;
        let rule = probe.as_rule();
        let mut slots = Slots(probe.into_inner());
        Some(match rule {
            Rule::http => Probe::Http(self.text(&mut slots)?),
            Rule::tcp => Probe::Tcp(self.text(&mut slots)?),
            Rule::outside => Probe::External(self.names(slots)),
            Rule::logs => Probe::Logs,
            Rule::container => Probe::Container(self.text(&mut slots)),
            Rule::postgres => Probe::Postgres(self.text(&mut slots)?),
            Rule::redis => Probe::Redis(self.text(&mut slots)?),
            Rule::server => Probe::Server,
            Rule::build_contexts => Probe::BuildContexts,
            Rule::exec => Probe::Exec(self.texts(slots)),
            _ => return None,
        })
    }

    pub(super) fn name(&mut self, slots: &mut Slots<'_>) -> Option<Name> {
        let name = slots.take(Rule::name)?;
        Some(self.name_of(&name))
    }

    fn texts(&mut self, mut slots: Slots<'_>) -> Vec<TextExpr> {
        std::iter::from_fn(|| self.text(&mut slots)).collect()
    }

    fn names(&mut self, slots: Slots<'_>) -> Vec<Name> {
        slots.0.filter(|pair| pair.as_rule() == Rule::name).map(|pair| self.name_of(&pair)).collect()
    }

    /// A name; one in quotes is taken as it stands.
    pub(super) fn name_of(&mut self, name: &Pair<'_, Rule>) -> Name {
        Spanned::new(name.as_str().trim_matches('"').to_owned(), self.span(name))
    }

    pub(super) fn duration(&mut self, slots: &mut Slots<'_>) -> Option<Spanned<Duration>> {
        let pair = slots.take(Rule::duration)?;
        Some(self.duration_of(&pair))
    }

    pub(super) fn duration_of(&mut self, pair: &Pair<'_, Rule>) -> Spanned<Duration> {
        Spanned::new(duration(pair.as_str()), self.span(pair))
    }

    /// A duration, or days.
    fn days(&mut self, slots: &mut Slots<'_>) -> Option<Spanned<Duration>> {
        match slots.take_if(Rule::days) {
            Some(pair) => Some(Spanned::new(duration(pair.as_str()), self.span(&pair))),
            None => self.duration(slots),
        }
    }

    /// The condition that a statement has.
    fn condition(&mut self, pair: &Pair<'_, Rule>) -> Option<Condition> {
        let mut slots = Slots(pair.clone().into_inner());
        let first =
            slots.0.find(|slot| matches!(slot.as_rule(), Rule::k_exists | Rule::k_contains | Rule::k_matches | Rule::comparison))?;
        let kind = match first.as_rule() {
            Rule::k_exists => ConditionKind::Exists,
            Rule::k_contains => ConditionKind::Contains(self.plain(&mut slots)?),
            Rule::k_matches => {
                let regex = slots.take(Rule::regex)?;
                let inside = regex.as_str().strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).unwrap_or_default();
                ConditionKind::Matches(Spanned::new(inside.to_owned(), self.span(&regex)))
            }
            _ => {
                let sign = Spanned::new(first.as_str().to_owned(), self.span(&first));
                ConditionKind::Compare(sign, self.literal(&slots.take(Rule::literal)?)?)
            }
        };
        let span = Span { start: self.span(&first).start, ..self.span(pair) };
        Some(Condition { kind, span })
    }

    fn literal(&mut self, pair: &Pair<'_, Rule>) -> Option<Literal> {
        let inner = pair.clone().into_inner().next()?;
        let kind = match inner.as_rule() {
            Rule::size => LiteralKind::Size,
            Rule::duration => LiteralKind::Duration,
            Rule::percent => LiteralKind::Percent,
            Rule::decimal | Rule::integer | Rule::negative => LiteralKind::Number,
            Rule::truth if inner.as_str() == "null" => LiteralKind::Null,
            Rule::truth => LiteralKind::Truth(inner.as_str() == "true"),
            _ => LiteralKind::Text(self.text_of(&inner)?),
        };
        Some(Literal { kind, written: inner.as_str().to_owned(), span: self.span(&inner) })
    }

    fn sign(&mut self, slots: &mut Slots<'_>) -> Option<Spanned<String>> {
        let pair = slots.take(Rule::comparison)?;
        Some(Spanned::new(pair.as_str().to_owned(), self.span(&pair)))
    }

    /// A size or a percentage.
    fn quantity(&mut self, slots: &mut Slots<'_>) -> Option<Literal> {
        let pair = slots.take(Rule::quantity)?.into_inner().next()?;
        let kind = if pair.as_rule() == Rule::percent { LiteralKind::Percent } else { LiteralKind::Size };
        Some(Literal { kind, written: pair.as_str().to_owned(), span: self.span(&pair) })
    }

    pub(super) fn integer(&mut self, slots: &mut Slots<'_>) -> Option<Spanned<u64>> {
        let pair = slots.take(Rule::integer)?;
        Some(Spanned::new(integer(pair.as_str()), self.span(&pair)))
    }

    fn status(&mut self, pair: &Pair<'_, Rule>) -> StatusRange {
        let mut ends = pair.as_str().split("..").map(integer);
        let first = ends.next().unwrap_or(0);
        StatusRange { first, last: ends.next().unwrap_or(first), span: self.span(pair) }
    }

    fn text(&mut self, slots: &mut Slots<'_>) -> Option<TextExpr> {
        let inner = slots.take(Rule::text)?.into_inner().next()?;
        self.text_of(&inner)
    }

    fn plain(&mut self, slots: &mut Slots<'_>) -> Option<TextExpr> {
        let inner = slots.take(Rule::plain)?.into_inner().next()?;
        self.text_of(&inner)
    }

    fn text_of(&mut self, pair: &Pair<'_, Rule>) -> Option<TextExpr> {
        let span = self.span(pair);
        let mut slots = Slots(pair.clone().into_inner());
        let kind = match pair.as_rule() {
            Rule::string => TextKind::Pieces(self.pieces(pair)),
            Rule::raw => TextKind::Pieces(vec![Piece::Characters(pair.as_str().trim_matches('\'').to_owned())]),
            Rule::variable => TextKind::Env { name: self.verbatim(&mut slots)?, default: self.verbatim(&mut slots) },
            Rule::secret => TextKind::Secret(self.verbatim(&mut slots)?),
            Rule::reference => TextKind::Name(pair.as_str().to_owned()),
            _ => return None,
        };
        Some(TextExpr { kind, span })
    }

    /// A string that must be known as it is read: the arguments of `env` and `secret`.
    fn verbatim(&mut self, slots: &mut Slots<'_>) -> Option<Name> {
        let text = self.plain(slots)?;
        let TextKind::Pieces(pieces) = text.kind else { return None };
        let mut value = String::new();
        for piece in pieces {
            match piece {
                Piece::Characters(characters) => value.push_str(&characters),
                Piece::Name(name) => self.problems.push(
                    Diagnostic::new(
                        Code::Interpolation,
                        format!("`{{{}}}` cannot stand inside `env` or `secret`", name.value),
                        name.span,
                        "these take plain strings",
                    )
                    .help("write the text itself; for a brace, use '…'"),
                ),
            }
        }
        Some(Spanned::new(value, text.span))
    }

    /// The pieces of a `"…"` string.
    fn pieces(&mut self, string: &Pair<'_, Rule>) -> Vec<Piece> {
        let quoted = string.as_str();
        let Some(inside) = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return Vec::new() };
        if !inside.contains(['{', '\\']) {
            return vec![Piece::Characters(inside.to_owned())];
        }
        // The template rule takes every text.
        let Ok(pairs) = Grammar::parse(Rule::template, inside) else { return vec![Piece::Characters(inside.to_owned())] };
        let start = string.as_span().start() + 1;
        let told = self.problems.len();
        let raw = raw(inside);
        let mut pieces = Vec::new();
        let mut characters = String::new();
        for pair in pairs.into_iter().flat_map(Pair::into_inner) {
            let within = pair.as_span();
            let span = Span::new(self.file, self.origin.range(start + within.start()..start + within.end()));
            match pair.as_rule() {
                Rule::characters => characters.push_str(pair.as_str()),
                Rule::escape => match escaped(pair.as_str()) {
                    Some(character) => characters.push(character),
                    None => self.problems.push(
                        Diagnostic::new(Code::Interpolation, format!("`{}` is no escape", pair.as_str()), span, "not an escape")
                            .help("the escapes are \\\" \\\\ \\{ \\} \\$ \\n \\t; a raw string '…' has none"),
                    ),
                },
                Rule::interpolation => {
                    let name = pair.as_str().trim_start_matches('{').trim_end_matches('}').to_owned();
                    if characters.ends_with('$') && !inside[..within.start()].ends_with("\\$") {
                        self.problems.push(
                            Diagnostic::new(
                                Code::Interpolation,
                                format!("`${{{name}}}` is not how a name is put in"),
                                span,
                                "no `$` before it",
                            )
                            .help(format!("write `{{{name}}}`, with `let {name} = env(\"{name}\")` above; for the characters, use '…'")),
                        );
                        continue;
                    }
                    if !characters.is_empty() {
                        pieces.push(Piece::Characters(std::mem::take(&mut characters)));
                    }
                    pieces.push(Piece::Name(Spanned::new(name, span)));
                }
                // Of a text that is better written raw the first brace is told.
                Rule::brace if raw.is_some() && self.problems.len() > told => {}
                Rule::brace => {
                    let generic = || "write `\\{` for the character, or a raw string: '…'".to_owned();
                    let help = raw.as_ref().map_or_else(generic, |raw| format!("in single quotes nothing is special: write `'{raw}'`"));
                    self.problems.push(
                        Diagnostic::new(Code::Interpolation, "a `{` that puts no name in", span, "only `{name}` may follow").help(help),
                    );
                }
                _ => {}
            }
        }
        if self.problems.len() > told {
            // Not understood, so that nothing is concluded from what is left of it.
            return Vec::new();
        }
        if !characters.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Characters(characters));
        }
        pieces
    }
}

/// JSON in a `"…"` string as it is written between single quotes.
fn raw(inside: &str) -> Option<String> {
    let bare = inside.replace("\\\"", "\"");
    let is_json = bare.starts_with(['{', '[']) && bare.contains('"') && !bare.contains(['\\', '\'', '$']);
    is_json.then_some(bare)
}

fn escaped(escape: &str) -> Option<char> {
    match escape.chars().nth(1)? {
        'n' => Some('\n'),
        't' => Some('\t'),
        same @ ('"' | '\\' | '{' | '}' | '$') => Some(same),
        _ => None,
    }
}

/// The value of digits; too many of them give the largest number, which every range refuses.
fn integer(digits: &str) -> u64 {
    digits.parse().unwrap_or(u64::MAX)
}

/// A duration as plans write it, `90s` or `15m`, and nothing else: for the command line.
pub fn duration_of(text: &str) -> Option<Duration> {
    let whole = Grammar::parse(Rule::duration, text).ok()?.next()?.as_str() == text;
    whole.then(|| duration(text))
}

/// The value of a `duration` literal.
pub(super) fn duration(literal: &str) -> Duration {
    let split = literal.find(|character: char| !character.is_ascii_digit()).unwrap_or(literal.len());
    let (digits, unit) = literal.split_at(split);
    let count = integer(digits);
    match unit {
        "ms" => Duration::from_millis(count),
        "m" => Duration::from_secs(count.saturating_mul(60)),
        "h" => Duration::from_secs(count.saturating_mul(60 * 60)),
        "d" => Duration::from_secs(count.saturating_mul(24 * 60 * 60)),
        _ => Duration::from_secs(count),
    }
}
