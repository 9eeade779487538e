// flags: -p [1,{a:2}].concat("x")
