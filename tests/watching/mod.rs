//! Watching: exactly what turns is told, and nothing twice; who cannot be asked is not blamed; and no round meets a run.

mod driven;
mod leaning;
mod model;
mod month;
mod notices;
mod scene;
mod surroundings;
