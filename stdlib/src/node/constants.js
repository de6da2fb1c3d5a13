// node:constants: see node.rs and system.rs.
(native) => native.constants();
