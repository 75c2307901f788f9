-- What the pages use of Quarto's Markdown beyond pandoc's own: numbered figures and tables in fenced divs
-- (the last paragraph is the caption), references to them, callouts, and links between pages.

local words = { fig = "Figure", tbl = "Table" }
local labels = {}

local function kind_of(identifier)
  return identifier:match("^(%a+)%-")
end

local function number_and_caption(document)
  local counts = { fig = 0, tbl = 0 }
  return document:walk({
    traverse = "topdown",
    Div = function(div)
      local kind = kind_of(div.identifier)
      local caption = div.content[#div.content]
      if not words[kind] or not caption or caption.t ~= "Para" then
        return nil
      end
      counts[kind] = counts[kind] + 1
      labels[div.identifier] = words[kind] .. "\u{a0}" .. counts[kind]
      div.content:remove()
      local text = pandoc.utils.stringify(caption)
      local content = div.content:walk({
        Image = function(image)
          if #image.caption == 0 then
            image.caption = { pandoc.Str(text) }
          end
          return image
        end,
      })
      local title = { pandoc.Str(labels[div.identifier] .. ": ") }
      local block = pandoc.Plain(pandoc.Inlines(title) .. caption.content)
      return pandoc.Figure(content, { block }, pandoc.Attr(div.identifier, { kind })), false
    end,
  })
end

-- What is wider than a phone scrolls inside its own box, which the keyboard can reach.
local function scrolling(content, class, label)
  -- Pairs and not a table, which Lua would write in another order every time.
  local attributes = { { "tabindex", "0" }, { "role", "group" }, { "aria-label", label } }
  return pandoc.Div(content, pandoc.Attr("", { class }, attributes))
end

local rest = {
  Cite = function(cite)
    local found = labels[cite.citations[1].id]
    return found and pandoc.Link(found, "#" .. cite.citations[1].id) or nil
  end,
  Link = function(link)
    if not link.target:match("^%a+:") then
      link.target = link.target:gsub("%.qmd$", ".html"):gsub("%.qmd#", ".html#")
      return link
    end
  end,
  Table = function(wide)
    return scrolling({ wide }, "table", "Table")
  end,
  Para = function(paragraph)
    local only = #paragraph.content == 1 and paragraph.content[1]
    if only and only.t == "Math" and only.mathtype == "DisplayMath" then
      return scrolling({ paragraph }, "equation", "Equation")
    end
  end,
  Div = function(div)
    if not div.classes:find_if(function(class) return class:match("^callout%-") end) then
      return nil
    end
    local first = div.content[1]
    if first and first.t == "Header" then
      div.content[1] = pandoc.Para(pandoc.Strong(first.content))
    elseif div.attributes.title then
      div.content:insert(1, pandoc.Para(pandoc.Strong(div.attributes.title)))
      div.attributes.title = nil
    end
    return div
  end,
}

return { { Pandoc = number_and_caption }, rest }
