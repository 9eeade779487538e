// flags: -
// stdin: console.log(await Promise.resolve("from stdin"), import.meta.url.startsWith("file:"))
