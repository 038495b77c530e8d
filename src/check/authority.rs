//! The file of certificates that `ca` names: it must be there, and hold one.

use super::files::{FileError, Files};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::model::Plan;

/// How a certificate begins in a PEM file.
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
/// How it ends.
const END: &str = "-----END CERTIFICATE-----";

pub(super) fn check(plan: &Plan, files: &dyn Files, found: &mut Vec<Diagnostic>) {
    let Some(ca) = &plan.dokploy.ca else { return };
    let path = &ca.value;
    let text = match files.read(path) {
        Ok(text) => text,
        Err(FileError::Missing) => {
            let message = format!("the certificate file \"{path}\" is not there");
            let names = files.beside(path);
            let near = nearest(path, names.iter().map(String::as_str));
            let help = near.map_or("paths are relative to the plan file".to_owned(), |near| format!("write `ca \"{near}\"`"));
            found.push(Diagnostic::new(Code::Unreadable, message, ca.span, "no such file").help(help));
            return;
        }
        Err(FileError::Unreadable(why)) => {
            let message = format!("the certificate file \"{path}\" cannot be read");
            let help = "a PEM file is text; convert another form with `openssl x509 -inform der -outform pem`";
            found.push(Diagnostic::new(Code::Unreadable, message, ca.span, why).help(help));
            return;
        }
    };
    if !text.split_once(BEGIN).is_some_and(|(_, rest)| rest.contains(END)) {
        let label =
            if text.contains("PRIVATE KEY-----") { "a private key, which belongs to the server alone" } else { "no certificate in it" };
        let message = format!("\"{path}\" holds no certificate");
        let help = format!("name the PEM file of the certificate authority: a text with `{BEGIN}` in it");
        found.push(Diagnostic::new(Code::NoCertificate, message, ca.span, label).help(help));
    }
}
