// What cla/fs has that is written in JavaScript: its classes, and the loops over lines.
(() => {
    class FileError extends Error {
        constructor(message, details = {}) {
            super(message, details);
            for (const key of ['code', 'path', 'syscall', 'dest']) {
                if (details[key] !== undefined) this[key] = details[key];
            }
        }
    }
    Object.defineProperty(FileError.prototype, 'name', { value: 'FileError', writable: true, configurable: true });
    const Time = Date;
    const facts = {
        isFile() { return this.kind === 'file'; },
        isDirectory() { return this.kind === 'folder'; },
        isSymbolicLink() { return this.kind === 'link'; },
        get mtime() { return new Time(this.mtimeMs); },
        get atime() { return new Time(this.atimeMs); },
        get ctime() { return new Time(this.ctimeMs); },
    };
    const entry = {
        isFile: facts.isFile,
        isDirectory: facts.isDirectory,
        isSymbolicLink: facts.isSymbolicLink,
    };
    const file = {
        *lines() {
            for (let line; (line = this.readLine()) !== null;) yield line;
        },
        [Symbol.iterator]() { return this.lines(); },
    };
    const asyncFile = {
        async *lines() {
            for (let line; (line = await this.readLine()) !== null;) yield line;
        },
        [Symbol.asyncIterator]() { return this.lines(); },
    };
    const end = { value: undefined, done: true };
    const watcher = {
        *[Symbol.iterator]() {
            try {
                for (let event; (event = this.event()) !== null;) yield event;
            } finally {
                this.close();
            }
        },
        // No async generator: an error that it threw had the place of this line, and not that of the rule's loop.
        [Symbol.asyncIterator]() {
            return {
                next: () => this.eventLater().then(value => value === null ? end : { value, done: false }),
                return: () => { this.close(); return Promise.resolve(end); },
            };
        },
    };
    for (const prototype of [facts, entry, file, asyncFile, watcher]) {
        for (const key of Reflect.ownKeys(prototype)) {
            Object.defineProperty(prototype, key, { enumerable: false });
        }
    }
    return { FileError, facts, entry, file, asyncFile, watcher };
})()
