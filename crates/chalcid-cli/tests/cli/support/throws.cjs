throw new TypeError('thrown while loading');
