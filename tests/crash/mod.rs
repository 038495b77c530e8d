//! A run that is cut off and resumed: at every append to the journal, at every file that is kept, at every call to Dokploy's API.
//!
//! Everything but the state folder is dropped, and the world goes on by itself for a while. Whatever the moment, the end must be that of the
//! undisturbed run: the same text live, the same services running, the same exit code, and not one deploy more.

mod cut;
mod disk;
mod left;
mod matrix;
mod scene;
