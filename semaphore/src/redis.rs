//! The store of many machines: semaphores in Redis or Valkey.
