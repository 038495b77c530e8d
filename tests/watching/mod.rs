//! Watching: exactly what turns is told, and nothing twice; who cannot be asked is not blamed; and no round meets a run.

mod driven;
<<<<<<< HEAD
mod model;
=======
mod leaning;
>>>>>>> trial
mod month;
mod notices;
mod scene;
mod surroundings;
