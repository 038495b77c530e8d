//! Calls to bytes and bytes to replies, purely: the recorded exchanges test it without a socket.

mod decode;
mod encode;
mod http;
mod limits;
mod message;

pub use decode::{decode, decode_json};
pub use encode::encode;
pub use http::{HttpRequest, HttpResponse, Method};
pub use limits::{TimeLimits, limits};
