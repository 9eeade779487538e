// flags: -i
// stdin: 1 + 1\nlet x = { a: 1 }\nx\n{ b: 2 }\nawait Promise.resolve(5)\nfunction f() {\nreturn 3 }\nf()\n`a\nb`\nthrow new Error("thrown")\nlet y = ;\nx.a.b.c\nPromise.reject(7); 8\n_\n.exit\nnever
