// flags: -e console.log(typeof(require),__filename,module.id,process.argv.length)
