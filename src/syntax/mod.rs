//! Text to syntax tree. [`parse`] takes every text, finds as many mistakes as it can in one go, and resolves no names.
//!
//! The grammar is `grammar/plan.pest`; what it cannot read is repaired by the rules of `explain`, so that one mistake costs one
//! message and the rest of its statement still counts.

mod ast;
mod build;
mod expected;
mod explain;
mod form;
mod grammar;
mod parse;
mod repair;
mod said;
mod scenario;
mod spelled;
mod value;
mod yaml;

pub use ast::{
    Ast, Block, Channel, Condition, ConditionKind, Head, Literal, LiteralKind, Name, Piece, Policy, Probe, Severity, Statement,
    StatusRange, TextExpr, TextKind,
};
pub use form::{BlockUse, FORMS, Form, Place};
pub use parse::{MAX_BYTES, Parsed, parse, parse_with_said};
pub use said::Said;
pub use scenario::{Clause, FaultExpr, Scope, Wanted, Whom};
pub use value::duration_of;
