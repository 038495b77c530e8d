//! Calls to bytes and bytes to replies, purely: the recorded exchanges test it without a socket.

mod http;

pub use http::{HttpRequest, HttpResponse, Method};
