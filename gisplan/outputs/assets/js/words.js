// Words in both languages. A text is always put in with textContent; which language shows is a matter of CSS.
(function (gp) {
  'use strict';

  var root = document.documentElement;
  var attributes = [];
  gp.lang = root.getAttribute('data-lang');

  function fill(text, values) {
    return text.replace(/\{(\w+)\}/g, function (whole, name) {
      return Object.prototype.hasOwnProperty.call(values, name) ? String(values[name]) : whole;
    });
  }

  // A pair [zh, en] of our own words; {name} in them is filled with values.
  gp.word = function (key, values) {
    var pair = gp.data.words[key] || [key, key];
    return values ? [fill(pair[0], values), fill(pair[1], values)] : pair;
  };

  // The pair as one plain text in the language shown: for attributes, options and the like.
  gp.plain = function (pair) {
    if (typeof pair === 'string') { return pair; }
    if (gp.lang === 'both') { return pair[0] === pair[1] ? pair[0] : pair[0] + ' ' + pair[1]; }
    return gp.lang === 'zh' ? pair[0] : pair[1];
  };

  // A node of `kind` with class names and children: nodes, texts, or pairs.
  gp.node = function (kind, names) {
    var node = document.createElement(kind);
    if (names) { node.className = names; }
    for (var i = 2; i < arguments.length; i += 1) { gp.append(node, arguments[i]); }
    return node;
  };

  gp.append = function (node, content) {
    if (content === null || content === undefined || content === '') { return node; }
    if (Array.isArray(content)) {
      if (content[0] === content[1]) {
        node.appendChild(document.createTextNode(content[0]));
      } else {
        [['zh', 'zh-CN'], ['en', 'en']].forEach(function (lang, i) {
          var span = document.createElement('span');
          span.className = lang[0];
          span.lang = lang[1];
          span.textContent = content[i];
          if (i) { node.appendChild(document.createTextNode(' ')); }
          node.appendChild(span);
        });
      }
    } else if (content.nodeType) {
      node.appendChild(content);
    } else {
      node.appendChild(document.createTextNode(String(content)));
    }
    return node;
  };

  gp.mu = function (value, digits) {
    return gp.node('span', '', gp.number(value, digits) + ' ', gp.word('unit.mu'));
  };

  gp.clear = function (node) {
    while (node.firstChild) { node.removeChild(node.firstChild); }
    return node;
  };

  // An attribute that follows the language.
  gp.attribute = function (node, name, pair) {
    attributes = attributes.filter(function (entry) { return entry[0] !== node || entry[1] !== name; });
    attributes.push([node, name, pair]);
    node.setAttribute(name, gp.plain(pair));
    return node;
  };

  gp.unset = function (node, name) {
    attributes = attributes.filter(function (entry) { return entry[0] !== node || entry[1] !== name; });
    node.removeAttribute(name);
  };

  gp.svg = function (kind, values) {
    var node = document.createElementNS('http://www.w3.org/2000/svg', kind);
    Object.keys(values || {}).forEach(function (name) { node.setAttribute(name, values[name]); });
    return node;
  };

  gp.setLang = function (lang) {
    gp.lang = lang;
    root.setAttribute('data-lang', lang);
    root.lang = lang === 'en' ? 'en' : 'zh-CN';
    attributes = attributes.filter(function (entry) { return document.contains(entry[0]); });
    attributes.forEach(function (entry) { entry[0].setAttribute(entry[1], gp.plain(entry[2])); });
    document.title = gp.plain(gp.data.about.title);
    document.querySelectorAll('[data-set-lang]').forEach(function (button) {
      button.setAttribute('aria-pressed', String(button.getAttribute('data-set-lang') === lang));
    });
    document.querySelectorAll('option').forEach(function (option) {
      if (option.gpPair) { option.textContent = gp.plain(option.gpPair); }
    });
  };

  gp.settleWords = function () {
    document.querySelectorAll('[data-word]').forEach(function (node) {
      gp.append(node, gp.word(node.getAttribute('data-word')));
    });
    [['data-aria', 'aria-label'], ['data-title', 'title'], ['data-placeholder', 'placeholder']].forEach(function (way) {
      document.querySelectorAll('[' + way[0] + ']').forEach(function (node) {
        gp.attribute(node, way[1], gp.word(node.getAttribute(way[0])));
      });
    });
    document.querySelectorAll('[data-set-lang]').forEach(function (button) {
      button.addEventListener('click', function () { gp.setLang(button.getAttribute('data-set-lang')); });
    });
  };
}(window.gisplan));
