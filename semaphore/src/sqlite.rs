//! The store of one machine: semaphores in a SQLite file.
