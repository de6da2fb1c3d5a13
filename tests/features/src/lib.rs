//! Nothing but a home for the tests beside this folder: what an engine does that is built without TypeScript, HTTP and Redis.
