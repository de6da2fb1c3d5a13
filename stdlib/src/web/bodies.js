(native) => ({});
