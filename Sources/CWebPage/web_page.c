// SPDX-License-Identifier: Apache-2.0
#include "CWebPage.h"

// #embed is C23; clang takes it in older modes too, and says so. SwiftPM has one C standard for the whole package.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char api_js[] = {
#embed "api.js"
};
static const unsigned char app_js[] = {
#embed "app.js"
};
static const unsigned char balance_js[] = {
#embed "balance.js"
};
static const unsigned char chips_js[] = {
#embed "chips.js"
};
static const unsigned char dom_js[] = {
#embed "dom.js"
};
static const unsigned char explain_js[] = {
#embed "explain.js"
};
static const unsigned char filters_js[] = {
#embed "filters.js"
};
static const unsigned char icon_svg[] = {
#embed "icon.svg"
};
static const unsigned char index_html[] = {
#embed "index.html"
};
static const unsigned char language_js[] = {
#embed "language.js"
};
static const unsigned char libraries_js[] = {
#embed "libraries.js"
};
static const unsigned char lightbox_js[] = {
#embed "lightbox.js"
};
static const unsigned char openapi_json[] = {
#embed "openapi.json"
};
static const unsigned char query_js[] = {
#embed "query.js"
};
static const unsigned char results_js[] = {
#embed "results.js"
};
static const unsigned char searching_js[] = {
#embed "searching.js"
};
static const unsigned char states_js[] = {
#embed "states.js"
};
static const unsigned char style_css[] = {
#embed "style.css"
};
static const unsigned char uploads_js[] = {
#embed "uploads.js"
};
static const unsigned char words_js[] = {
#embed "words.js"
};

static const duet_page_file files[] = {
    {"api.js", api_js, sizeof api_js},
    {"app.js", app_js, sizeof app_js},
    {"balance.js", balance_js, sizeof balance_js},
    {"chips.js", chips_js, sizeof chips_js},
    {"dom.js", dom_js, sizeof dom_js},
    {"explain.js", explain_js, sizeof explain_js},
    {"filters.js", filters_js, sizeof filters_js},
    {"icon.svg", icon_svg, sizeof icon_svg},
    {"index.html", index_html, sizeof index_html},
    {"language.js", language_js, sizeof language_js},
    {"libraries.js", libraries_js, sizeof libraries_js},
    {"lightbox.js", lightbox_js, sizeof lightbox_js},
    {"openapi.json", openapi_json, sizeof openapi_json},
    {"query.js", query_js, sizeof query_js},
    {"results.js", results_js, sizeof results_js},
    {"searching.js", searching_js, sizeof searching_js},
    {"states.js", states_js, sizeof states_js},
    {"style.css", style_css, sizeof style_css},
    {"uploads.js", uploads_js, sizeof uploads_js},
    {"words.js", words_js, sizeof words_js},
};

size_t duet_page_file_count(void) { return sizeof files / sizeof files[0]; }

duet_page_file duet_page_file_at(size_t index) { return files[index]; }
